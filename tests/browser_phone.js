// A softphone of JsSIP for the tests: answers every call, and keeps what it hears as dominant frequencies.
"use strict";

const JSSIP = globalThis.JsSIP.default || globalThis.JsSIP;
const AUDIO = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
const OPTIONS = { mediaConstraints: { audio: AUDIO, video: false }, pcConfig: { iceServers: [] } };
const LOOK_MS = 40;
const QUIETEST_DB = -55;

globalThis.phone = {
  ua: null,
  session: null,
  codec: "",
  events: [],
  heard: [],
  context: null,

  // Sign in; resolves once registered.
  start(url, username, password, codec) {
    this.codec = codec;
    this.ua = new JSSIP.UA({
      sockets: [new JSSIP.WebSocketInterface(url)],
      uri: `sip:${username}@127.0.0.1`,
      password,
      register: true,
      session_timers: false,
    });
    this.ua.on("newRTCSession", ({ originator, session }) => {
      this.take(session);
      if (originator === "remote") session.answer(OPTIONS);
    });
    return new Promise((resolve, reject) => {
      this.ua.once("registered", () => resolve(true));
      this.ua.once("registrationFailed", (event) => reject(new Error(event.cause)));
      this.ua.start();
    });
  },

  call(number) {
    this.ua.call(number, OPTIONS);
  },

  take(session) {
    this.session = session;
    const names = ["progress", "accepted", "confirmed", "hold", "unhold", "ended", "failed"];
    for (const name of names) {
      session.on(name, (event) => this.events.push([name, event && event.cause ? event.cause : ""]));
    }
    session.on("sdp", (event) => {
      if (event.originator === "remote") event.sdp = this.only(event.sdp);
    });
    const wire = (pc) => {
      this.prefer(pc);
      pc.addEventListener("track", (event) => this.listen(event.track));
    };
    session.on("peerconnection", (event) => wire(event.peerconnection));
    if (session.connection) wire(session.connection);
  },

  // Be a phone with one codec alone: offer no other, and see no other in what is offered.
  // (Preferences of an answer alone would not do: Chromium then still sends the offer's first codec.)
  prefer(pc) {
    if (!this.codec) return;
    const known = RTCRtpReceiver.getCapabilities("audio").codecs;
    const chosen = known.filter((each) => this.wants(each.mimeType.split("/")[1]));
    const real = pc.createOffer.bind(pc);
    pc.createOffer = (...given) => {
      for (const each of pc.getTransceivers()) each.setCodecPreferences(chosen);
      return real(...given);
    };
  },

  wants(name) {
    return [this.codec.toLowerCase(), "telephone-event"].includes(name.toLowerCase());
  },

  only(sdp) {
    if (!this.codec) return sdp;
    const kept = [...sdp.matchAll(/^a=rtpmap:(\d+) ([^/]+)/gm)]
      .filter(([, , name]) => this.wants(name))
      .map(([, number]) => number);
    const lines = sdp.replace(/^(m=audio \S+ \S+) .*$/m, (_, head) => `${head} ${kept.join(" ")}`);
    return lines.replace(/^a=(?:rtpmap|fmtp):(\d+) .*\r\n/gm, (line, number) =>
      kept.includes(number) ? line : "",
    );
  },

  listen(track) {
    const stream = new MediaStream([track]);
    // Chromium lets no sound of a connection into a graph unless something plays it too.
    const element = new Audio();
    element.srcObject = stream;
    element.muted = true;
    element.play();
    this.context = this.context || new AudioContext();
    const analyser = this.context.createAnalyser();
    analyser.fftSize = 4096;
    analyser.smoothingTimeConstant = 0;
    this.context.createMediaStreamSource(stream).connect(analyser);
    const bins = new Float32Array(analyser.frequencyBinCount);
    setInterval(() => {
      analyser.getFloatFrequencyData(bins);
      let best = 1;
      for (let at = 2; at < bins.length; at += 1) if (bins[at] > bins[best]) best = at;
      const hertz = (best * this.context.sampleRate) / analyser.fftSize;
      this.heard.push(bins[best] > QUIETEST_DB ? hertz : 0);
    }, LOOK_MS);
  },

  // Return what getStats says of the codec sent, the keys and the way.
  async figures() {
    const found = {};
    const all = await this.session.connection.getStats();
    all.forEach((each) => {
      if (each.type === "transport") {
        found.dtls = each.dtlsState;
        found.suite = each.srtpCipher;
      }
      if (each.type === "outbound-rtp") {
        found.sent = each.packetsSent;
        found.codec = all.get(each.codecId).mimeType;
      }
      if (each.type === "inbound-rtp") {
        found.received = each.packetsReceived;
        found.heard = all.get(each.codecId).mimeType;
      }
      if (each.type === "remote-inbound-rtp") found.trip = each.roundTripTime;
    });
    return found;
  },
};
