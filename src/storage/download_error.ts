/**
 * Why a file did not come from the address that a person gave. `message` says it in English; `code` and `facts` let
 * the page say it in another language.
 */
import { sizeText, StorageError } from './error';

/** What each reason knows. */
export interface DownloadFacts {
  'not-an-address': { address: string };
  'has-password': { host: string };
  'not-https': { host: string };
  offline: { host: string };
  /** Not there, or it does not let pages of other origins read; a browser does not tell the two apart. */
  unreachable: { host: string };
  forbidden: { host: string; status: number };
  missing: { host: string; status: number };
  status: { host: string; status: number };
  html: { host: string };
  /** Kept; it can be gone on with. */
  interrupted: { host: string };
  checksum: { expected: string; got: string };
  /** Longer than it is known to be, or than any model; what had arrived is deleted. */
  'too-large': { host: string; bytes: number };
  /** Another tab is at it. */
  busy: { name: string };
}

export type DownloadCode = keyof DownloadFacts;

const says: { [Code in DownloadCode]: (facts: DownloadFacts[Code]) => string } = {
  'not-an-address': ({ address }) =>
    `“${address}” is not the address of a file. It begins with https:// and is at most 2,000 characters long.`,
  'has-password': ({ host }) =>
    `The address for ${host} has a name and a password in it, which are not sent. Download the file yourself and choose it here.`,
  'not-https': ({ host }) =>
    `${host} is only asked over https, so that nobody on the way can change the file. Begin the address with https://.`,
  offline: ({ host }) => `There is no network, so ${host} was not asked. Go online and try again.`,
  unreachable: ({ host }) =>
    `${host} did not answer, or it does not let other pages read its files. Check the address, or download the file yourself and choose it here.`,
  forbidden: ({ host, status }) =>
    `${host} gives this file only to people who have signed in there (status ${status}). Download it yourself and choose it here.`,
  missing: ({ host, status }) => `${host} has no such file (status ${status}). Check the address.`,
  status: ({ host, status }) =>
    `${host} did not give the file (status ${status}). Try again later, or take it from another place.`,
  html: ({ host }) =>
    `${host} gave a web page, not a file. Take the address of its download button; at Hugging Face that has /resolve/ where the page has /blob/.`,
  interrupted: ({ host }) =>
    `The connection to ${host} broke off. What has arrived is kept: go on when the network is back.`,
  checksum: ({ expected, got }) =>
    `The file is not the one expected: its SHA-256 begins ${got.slice(0, 10)}, not ${expected.slice(0, 10)}. It was deleted; download it again.`,
  'too-large': ({ host, bytes }) =>
    `${host} gives a file of more than ${sizeText(bytes)}, which is not what was wanted. Nothing of it is kept. Check the address.`,
  busy: ({ name }) => `Another tab is downloading ${name}. Let it finish, or close it.`,
};

export class DownloadError<Code extends DownloadCode = DownloadCode> extends StorageError<
  Code,
  DownloadFacts[Code]
> {
  override name = 'DownloadError';
  constructor(code: Code, facts: DownloadFacts[Code], cause?: unknown) {
    super(code, facts, says[code](facts), { cause });
  }
}
