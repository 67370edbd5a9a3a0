"""The command line: `carillon run`, `demo`, `company`, `sandbox`, `setup`, `simulate`, `trunk`, `health`."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

from carillon.bus.client import SandboxClient, Unreachable
from carillon.bus.config import BadSetting, Config, read_config
from carillon.schema.sandbox import ArmWish, CallResult, CallWish, PhoneScript, ResultWish
from carillon.supervisor import PortTaken, Supervisor, check_ports


def read_env_file(path: Path) -> None:
    """Take settings from a .env file; what the environment says already goes before it."""
    if not path.exists():
        return
    for line in path.read_text().splitlines():
        name, equals, value = line.partition("=")
        if equals and not name.lstrip().startswith("#"):
            os.environ.setdefault(name.strip(), value.strip().strip("\"'"))


def _run(config: Config, _: argparse.Namespace) -> int:
    config.make_folders()
    config.secret()
    check_ports(config)
    return Supervisor(config).run()


def _manage(*words: str) -> int:
    return subprocess.run([sys.executable, "-m", "carillon.portal", *words], check=False).returncode


def _demo(_: Config, __: argparse.Namespace) -> int:
    return _manage("prepare") or _manage("demo")


def _trunk(_: Config, wish: argparse.Namespace) -> int:
    return _manage("trunk", *wish.words)


def _setup(_: Config, wish: argparse.Namespace) -> int:
    return _manage("setup_file", *wish.words)


def _simulate(_: Config, wish: argparse.Namespace) -> int:
    return _manage("simulate", *wish.words)


def _company(_: Config, wish: argparse.Namespace) -> int:
    return _manage("prepare") or _manage("company", *wish.words)


def _health(config: Config, _: argparse.Namespace) -> int:
    try:
        with urllib.request.urlopen(f"{config.portal_url}/healthz", timeout=10) as answer:
            print(answer.read().decode())
            return 0
    except urllib.error.HTTPError as error:
        print(error.read().decode())
    except OSError as error:
        print(f"The portal does not answer at {config.portal_url}: {error}", file=sys.stderr)
    return 1


def _speech(text: str | None, file: Path | None, language: str) -> bytes:
    if file is not None:
        return file.read_bytes()
    if not text:
        return b""
    from carillon.speech.synthesis import speak  # the voice is loaded only when it speaks

    return speak(text, language)


def _script(wish: argparse.Namespace) -> PhoneScript:
    return PhoneScript(
        say=_speech(wish.say, wish.say_file, wish.language),
        when=wish.when,
        digits=wish.digits,
        digits_after_seconds=wish.digits_after,
        then_digits=wish.then_digits,
        stay_seconds=wish.stay,
    )


def _print_result(result: CallResult, hear: Path | None) -> int:
    if result.status != 200:
        print(f"Not answered: SIP status {result.status or 'none'}.")
    else:
        print(
            f"Answered after {result.answered_after:.1f} s, connected {result.seconds:.1f} s, "
            f"ended by {'this phone' if result.ended_by == 'us' else 'the other side'}."
        )
    if hear is not None:
        hear.write_bytes(result.heard)
        print(f"What was heard is in {hear}.")
    return 0 if result.status == 200 else 1


def _client(config: Config) -> SandboxClient:
    return SandboxClient(config.sandbox_url, config.secret())


def _call(config: Config, wish: argparse.Namespace) -> int:
    call = CallWish(to=wish.to, caller=wish.caller, script=_script(wish))
    return _print_result(_client(config).call(call), wish.hear)


def _answer(config: Config, wish: argparse.Namespace) -> int:
    client = _client(config)
    client.arm(ArmWish(number=wish.number, status=wish.status, script=_script(wish)))
    if not wish.wait:
        print(f"{wish.number} answers like this from now on.")
        return 0
    print(f"Waiting for a call to {wish.number}…")
    result = client.result(ResultWish(number=wish.number, wait_seconds=wish.wait))
    return _print_result(result, wish.hear)


def _add_script(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--say", metavar="TEXT", help="what the outside phone says")
    parser.add_argument("--say-file", type=Path, metavar="WAV", help="a wav to say instead")
    parser.add_argument("--language", default="fr", choices=["fr", "en"], help="of --say")
    parser.add_argument(
        "--when",
        default="beep",
        choices=["answer", "beep", "silence"],
        help="when it speaks: at once, after a voicemail's beep, or when the other side is quiet",
    )
    parser.add_argument("--digits", default="", help="keys to press after the answer")
    parser.add_argument("--digits-after", type=float, default=1.0, metavar="SECONDS")
    parser.add_argument("--then-digits", default="", help="keys to press after speaking")
    parser.add_argument("--stay", type=float, default=2.0, metavar="SECONDS", help="then hang up")
    parser.add_argument("--hear", type=Path, metavar="WAV", help="save what it heard")


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of every command."""
    parser = argparse.ArgumentParser(prog="carillon", description="A company's phone system.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    commands.add_parser("run", help="start the phone system").set_defaults(do=_run)
    commands.add_parser("demo", help="create the demo company").set_defaults(do=_demo)
    commands.add_parser("health", help="say whether calls go through").set_defaults(do=_health)
    company = commands.add_parser("company", help="create a company and its administrator")
    company.add_argument("words", nargs=argparse.REMAINDER)
    company.set_defaults(do=_company)
    trunk = commands.add_parser("trunk", help="links to carriers: add, list, remove")
    trunk.add_argument("words", nargs=argparse.REMAINDER)
    trunk.set_defaults(do=_trunk)
    simulate = commands.add_parser("simulate", help="what would happen to a call to a number")
    simulate.add_argument("words", nargs=argparse.REMAINDER)
    simulate.set_defaults(do=_simulate)
    setup = commands.add_parser("setup", help="a company's set-up as a file: export, import")
    setup.add_argument("words", nargs=argparse.REMAINDER)
    setup.set_defaults(do=_setup)
    sandbox = commands.add_parser("sandbox", help="outside phones of the pretend network")
    phones = sandbox.add_subparsers(required=True, metavar="WHAT")
    call = phones.add_parser("call", help="call one of our numbers from outside")
    call.add_argument("to", help="the number to call, for example +33199001234")
    call.add_argument("--from", dest="caller", default="+33612345678", help="the caller's number")
    _add_script(call)
    call.set_defaults(do=_call)
    answer = phones.add_parser("answer", help="say how an outside number answers our calls")
    answer.add_argument("number")
    answer.add_argument(
        "--status", type=int, default=200, help="486 busy, 404 unknown, 603 declines"
    )
    answer.add_argument("--wait", type=float, default=0, metavar="SECONDS", help="for a call to it")
    _add_script(answer)
    answer.set_defaults(do=_answer)
    return parser


def main() -> int:
    """Run a command; the exit status says how it went."""
    read_env_file(Path(".env"))
    wish = build_parser().parse_args()
    try:
        status: int = wish.do(read_config(), wish)
    except (BadSetting, PortTaken, Unreachable) as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return status


if __name__ == "__main__":
    sys.exit(main())
