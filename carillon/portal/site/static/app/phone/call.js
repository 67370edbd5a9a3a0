// One call of this phone: a JsSIP session, what state it is in, what can be done with it.
// @ts-check
import * as microphone from "./microphone.js";
import { ringback } from "./ringback.js";

const BY_STATUS = new Map([
  [403, "blocked"], [404, "unknown"], [408, "no-answer"], [410, "unknown"], [480, "no-answer"], [484, "unknown"],
  [486, "busy"], [487, "no-answer"], [503, "full"], [600, "busy"], [603, "declined"], [604, "unknown"],
]);
const CANCELLED = "Canceled";
const LOST = new Set(["Connection Error", "Dialog Error", "RTP Timeout", "Request Timeout", "No ACK"]);

/** @param {any} event */
function troubleOf(event) {
  if (LOST.has(event.cause)) return "lost";
  const status = event.message?.status_code;
  return status ? BY_STATUS.get(status) ?? "failed" : "failed";
}

export class Call {
  /**
   * @param {any} session @param {MediaStream | null} stream @param {(call: Call) => void} changed
   * @param {{name: string, number: string}} [who]
   */
  constructor(session, stream, changed, who) {
    this.session = session;
    this.stream = stream;
    this.inbound = session.direction === "incoming";
    const { user, display } = { user: session.remote_identity.uri.user, display: session.remote_identity.display_name };
    const number = user === "anonymous" ? "" : user;
    this.who = who ?? { name: display && display !== number ? display : "", number };
    this.state = this.inbound ? "ringing" : "calling";
    this.trouble = "";
    this.taken = false;
    this.answeredAt = 0;
    this.changed = changed;
    /** @type {(() => void) | null} */
    this.quietly = null;
    this.sound = new Audio();
    this.sound.autoplay = true;
    session.on("progress", (/** @type {any} */ event) => this.progress(event));
    session.on("accepted", () => this.talks());
    session.on("confirmed", () => this.talks());
    session.on("hold", () => this.set(this.onHold() ? "held" : "talking"));
    session.on("unhold", () => this.set(this.onHold() ? "held" : "talking"));
    session.on("muted", () => this.changed(this));
    session.on("unmuted", () => this.changed(this));
    session.on("ended", (/** @type {any} */ event) => this.end(LOST.has(event.cause) ? "lost" : ""));
    session.on("failed", (/** @type {any} */ event) => this.fail(event));
    session.on("peerconnection", (/** @type {any} */ event) => this.hear(event.peerconnection));
    if (session.connection) this.hear(session.connection);
  }

  /** @param {RTCPeerConnection} connection */
  hear(connection) {
    connection.addEventListener("track", (event) => {
      this.sound.srcObject = new MediaStream([event.track]);
      void this.sound.play().catch(() => {});
    });
  }

  /** @param {any} event */
  progress(event) {
    // With sound of its own the far end says by itself how it rings.
    if (this.inbound || event.response?.body) this.hush();
    else this.quietly ??= ringback();
  }

  hush() {
    this.quietly?.();
    this.quietly = null;
  }

  talks() {
    this.hush();
    this.answeredAt ||= Date.now();
    this.set(this.onHold() ? "held" : "talking");
  }

  /** @param {any} event */
  fail(event) {
    // RFC 3326: a colleague, or another phone of ours, took it.
    const elsewhere = /cause=200/.test(event.message?.getHeader?.("Reason") ?? "");
    if (this.inbound) this.end(event.cause === CANCELLED && !elsewhere ? "missed" : "");
    else this.end(event.originator === "local" && !LOST.has(event.cause) ? "" : troubleOf(event));
  }

  /** @param {string} trouble */
  end(trouble) {
    if (this.state === "over") return;
    this.hush();
    microphone.close(this.stream);
    this.sound.srcObject = null;
    this.trouble = trouble;
    this.set("over");
  }

  /** @param {string} state */
  set(state) {
    if (this.state === "over") return;
    this.state = state;
    this.changed(this);
  }

  get isMuted() {
    return Boolean(this.session.isMuted().audio);
  }

  onHold() {
    return this.session.isOnHold().local;
  }

  async answer() {
    if (this.taken) return;
    this.taken = true;
    try {
      this.stream = await microphone.open();
    } catch (error) {
      this.taken = false;
      throw error;
    }
    // The caller may have given up while the browser asked for the microphone.
    if (this.state === "over") microphone.close(this.stream);
    else this.session.answer({ mediaStream: this.stream, pcConfig: { iceServers: [] } });
  }

  hangUp() {
    if (this.session.isEnded()) return;
    if (this.state === "ringing") this.session.terminate({ status_code: 486, reason_phrase: "Busy Here" });
    else this.session.terminate();
  }

  hold() {
    if (this.state === "talking") this.session.hold();
  }

  resume() {
    if (this.state === "held") this.session.unhold();
  }

  /** Ask the switch whether it still knows this call: one that was started anew does not (RFC 3261 §12.2.2). */
  check() {
    if (!this.session.isEstablished()) return;
    const onDialogError = () => this.session.onDialogError();
    this.session.sendRequest("OPTIONS", { eventHandlers: { onDialogError } });
  }

  toggleMute() {
    if (this.isMuted) this.session.unmute({ audio: true });
    else this.session.mute({ audio: true });
  }

  /** @param {string} key */
  press(key) {
    this.session.sendDTMF(key, { transportType: "RFC2833", duration: 120 });
  }

  /** Send the far end to a number, or to the other call when one is given. @param {any} to @param {Call} [other] */
  transfer(to, other) {
    return new Promise((done, failed) => {
      const eventHandlers = {
        accepted: () => done(true),
        failed: () => failed(new microphone.Trouble("transfer-failed")),
        requestFailed: () => failed(new microphone.Trouble("transfer-failed")),
      };
      this.session.once("ended", () => done(true));
      this.session.refer(to, other ? { eventHandlers, replaces: other.dialog() } : { eventHandlers });
    });
  }

  /** Return what names this call to the switch. RFC 3891 §3: to-tag is the tag of the side that is told. */
  dialog() {
    const { _request, _to_tag, _from_tag } = this.session;
    // JsSIP writes the tags as of a call it placed itself.
    return this.inbound ? { _request, _to_tag: _from_tag, _from_tag: _to_tag } : this.session;
  }

  /** Speak into another microphone from now on. */
  async changeMicrophone() {
    const fresh = await microphone.open();
    const [track] = fresh.getAudioTracks();
    track.enabled = !this.isMuted && !this.onHold();
    const sender = this.session.connection.getSenders().find((/** @type {RTCRtpSender} */ each) => each.track);
    await sender.replaceTrack(track);
    microphone.close(this.stream);
    this.stream = fresh;
  }
}
