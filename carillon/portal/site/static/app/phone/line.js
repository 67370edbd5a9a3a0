// The phone's line to the switch: SIP over WebSocket, kept up by itself.
// @ts-check

const JSSIP = /** @type {any} */ (globalThis).JsSIP.default || /** @type {any} */ (globalThis).JsSIP;
// A new password takes a moment to reach the switch. Fewer tries than make it stop listening to us.
const AGAIN_MS = [400, 1000, 2000, 4000, 8000];
const EXPIRES_SECONDS = 120;
const RECOVERY_SECONDS = { least: 1, most: 8 };

/** One installation of the phone keeps one name, so that the switch knows it again. */
function instance() {
  const kept = localStorage.getItem("carillon-phone-instance");
  if (kept) return kept;
  const made = crypto.randomUUID();
  localStorage.setItem("carillon-phone-instance", made);
  return made;
}

export class Line {
  /**
   * @param {string} url
   * @param {{username: string, ha1: string, realm: string, domain: string}} account
   * @param {{changed: (state: string, trouble: string) => void, arrived: (session: any) => void}} listener
   */
  constructor(url, account, listener) {
    this.tries = 0;
    this.ready = false;
    this.stopped = false;
    this.listener = listener;
    this.ua = new JSSIP.UA({
      sockets: [new JSSIP.WebSocketInterface(url)],
      uri: `sip:${account.username}@${account.domain}`,
      authorization_user: account.username,
      ha1: account.ha1,
      realm: account.realm,
      instance_id: instance(),
      register_expires: EXPIRES_SECONDS,
      session_timers: false,
      user_agent: "Carillon in a browser",
      connection_recovery_min_interval: RECOVERY_SECONDS.least,
      connection_recovery_max_interval: RECOVERY_SECONDS.most,
    });
    this.ua.on("registered", () => this.tell("ready"));
    this.ua.on("registrationFailed", (/** @type {any} */ event) => this.failed(event));
    this.ua.on("disconnected", () => this.tell("connecting", "unreachable"));
    this.ua.on("newRTCSession", (/** @type {any} */ { originator, session }) => {
      if (originator === "remote") this.listener.arrived(session);
    });
    this.ua.start();
  }

  /** @param {string} state @param {string} [trouble] */
  tell(state, trouble = "") {
    // A line that was stopped has nothing to say: another may be in its place.
    if (this.stopped) return;
    this.ready = state === "ready";
    if (this.ready) this.tries = 0;
    this.listener.changed(state, trouble);
  }

  /** @param {any} event */
  failed(event) {
    const status = event.response?.status_code ?? 503;
    // A switch that is busy or begins anew says 5xx, or nothing: that is no refusal, and passes.
    const refused = status < 500 && status !== 408;
    const wait = AGAIN_MS[refused ? this.tries : AGAIN_MS.length - 1];
    if (refused) this.tries += 1;
    if (wait) {
      this.tell("connecting", refused ? "" : "unreachable");
      this.timer = window.setTimeout(() => this.ua.register(), wait);
    } else {
      this.tell("off", "refused");
      this.stop();
    }
  }

  /** @param {string} to @param {MediaStream} microphone */
  call(to, microphone) {
    return this.ua.call(to, { mediaStream: microphone, pcConfig: { iceServers: [] } });
  }

  stop() {
    this.stopped = true;
    window.clearTimeout(this.timer);
    this.ua.stop();
  }
}
