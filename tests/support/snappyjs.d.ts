/** What of snappyjs the tests use. */
declare const snappy: { uncompress(compressed: ArrayBuffer): ArrayBuffer };
export default snappy;
