// A browser phone: JsSIP, a tone as its microphone, and an ear that knows frequencies. It is driven from outside through
// window.phone.
import JsSIP from 'jssip';

const audio = new AudioContext();
let ua, session, ear;
const events = [];

function microphone(hz) {
  const tone = audio.createOscillator();
  const out = audio.createMediaStreamDestination();
  const quiet = audio.createGain(); // at full scale codecs clip
  tone.frequency.value = hz;
  quiet.gain.value = 0.3;
  tone.connect(quiet).connect(out);
  tone.start();
  return out.stream;
}

function listen(track) {
  const stream = new MediaStream([track]);
  const element = new Audio(); // without one, Chromium decodes nothing
  element.srcObject = stream;
  element.muted = true;
  element.play();
  ear = audio.createAnalyser();
  ear.fftSize = 16384;
  ear.smoothingTimeConstant = 0;
  audio.createMediaStreamSource(stream).connect(ear);
}

function watch(pc) {
  pc.addEventListener('track', (e) => listen(e.track));
}

function take(s) {
  session = s;
  ear = undefined;
  if (s.connection) watch(s.connection);
  s.on('peerconnection', (e) => watch(e.peerconnection));
  for (const name of ['progress', 'accepted', 'confirmed', 'hold', 'unhold']) s.on(name, () => events.push(name));
  for (const name of ['ended', 'failed']) s.on(name, (e) => events.push(`${name} ${e.cause}`));
}

const options = { pcConfig: { iceServers: [] }, mediaConstraints: { audio: true, video: false } };

window.phone = {
  async start({ url, user, password, domain, hz }) {
    await audio.resume();
    options.mediaStream = microphone(hz);
    ua = new JsSIP.UA({
      sockets: [new JsSIP.WebSocketInterface(url)], uri: `sip:${user}@${domain}`, authorization_user: user, password,
      session_timers: false, register_expires: 120,
    });
    ua.on('newRTCSession', (e) => {
      take(e.session);
      if (e.originator === 'remote') events.push('incoming');
    });
    await new Promise((done, fail) => {
      ua.on('registered', done);
      ua.on('registrationFailed', (e) => fail(new Error(`registration failed: ${e.cause}`)));
      ua.on('disconnected', (e) => fail(new Error(`disconnected: ${e.code} ${e.reason}`)));
      ua.start();
    });
  },
  call: ({ target }) => void ua.call(target, options),
  answer: () => session.answer(options),
  hangup: () => session.terminate(),
  hold: () => void session.hold(),
  unhold: () => void session.unhold(),
  dtmf: ({ tone }) => session.sendDTMF(tone, { transportType: 'RFC2833' }),
  events: () => events,
  // The loudest frequency that is heard, and how loud it is.
  hears() {
    if (!ear) return { hz: 0, db: -200 };
    const bins = new Float32Array(ear.frequencyBinCount);
    ear.getFloatFrequencyData(bins);
    let top = 0;
    for (let i = 1; i < bins.length; i++) if (bins[i] > bins[top]) top = i;
    return { hz: (top * audio.sampleRate) / ear.fftSize, db: Number.isFinite(bins[top]) ? bins[top] : -200 };
  },
  // How the media came about, as the browser sees it.
  async stats() {
    const out = {};
    for (const s of (await session.connection.getStats()).values()) {
      if (s.type === 'transport') Object.assign(out, { dtls: s.dtlsState, srtp: s.srtpCipher, role: s.dtlsRole, ice: s.iceState });
      if (s.type === 'inbound-rtp') Object.assign(out, { received: s.packetsReceived, lost: s.packetsLost });
    }
    return out;
  },
};
