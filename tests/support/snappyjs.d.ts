/** The part of snappyjs that the tests use. */
declare const snappy: { uncompress(compressed: ArrayBuffer): ArrayBuffer };
export default snappy;
