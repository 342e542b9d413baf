import { Sender } from "../requests/sender.ts";
import { type RemoteWriteOptions, toWriteSettings } from "./options.ts";
import { VERB, WriteProtocol } from "./write_protocol.ts";

/**
 * Makes a sender that speaks remote write 1.0.
 *
 * @param url Where to.
 * @param options The options as they were given.
 * @returns The sender, which does nothing by itself.
 * @throws {TypeError} If the URL or an option is invalid.
 * @throws {RangeError} If a number is out of bounds.
 */
export function createWriteSender(url: string | URL, options: RemoteWriteOptions): Sender {
  return new Sender(url, options, new WriteProtocol(toWriteSettings(options, `${VERB} a URL`)));
}
