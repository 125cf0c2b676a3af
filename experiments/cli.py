"""The console script `spinecast`: finds the verb, runs it, turns what was raised into one error form and one exit code.

Nothing heavy is imported here: `spinecast --help` answers at once, and a verb pays only for what it needs.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, final

import click

# Before any library that would phone home is imported by a verb.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("DO_NOT_TRACK", "true")
os.environ.setdefault("BENTOML_DO_NOT_TRACK", "True")

# Verb → one line of help, in the order of a project's life. The module is `experiments.commands.<verb>`; a test holds
# these lines equal to the verbs' own, so that listing them imports none of them.
VERBS: Final[dict[str, str]] = {
    "simulate": "Draw synthetic patients and write them as a registry export.",
    "init": "Draft a project (contract and study) for a table of your own.",
    "inspect": "Check tables against a contract; counts only, never a value.",
    "plan": "Say before any fit who would be studied, what would run and how long.",
    "study": "Develop, tune and validate the models of a study.",
    "status": "Show runs, champions, challengers, and where shelf and MLflow differ.",
    "compare": "Compare a run with the released champion, and its extract with the champion's.",
    "appraise": "Say what is wrong with a run or a released model, in coded findings.",
    "decide": "Ask the gate whether a run may become champion; changes nothing.",
    "release": "Write a run's bundle and documents and make it champion or challenger.",
    "card": "Print or write model card or calibration report of a released model, a bundle or a run.",
    "verify": "Check every file of a bundle against its digests.",
    "reproduce": "Run a released study again from its bundle's record and compare every number.",
    "validate": "Judge a released model, as it is, in another cohort.",
    "predict": "Score a CSV with a released model, offline.",
    "serve": "Answer over HTTP with the champions of a shelf.",
    "doctor": "Look at this machine: Python, cores, memory, libraries, addresses, switches.",
}

# The one place where an exception becomes an exit code. By name, so that mapping an error imports nothing.
_EXIT: Final[dict[str, int]] = {
    "experiments.project.ProjectError": 2,
    "experiments.study.StudyError": 2,
    "experiments.declared.DeclaredError": 2,
    "experiments.promotion.PromotionError": 2,
    "experiments.release.ReleaseError": 2,
    "experiments.release.RefusedError": 1,
    "experiments.results.RunError": 2,
    "experiments.documents.subject.DocumentError": 2,
    "training.resampling.ResamplingError": 2,
    "training.shelf.ShelfError": 2,
    "features.contract.ContractError": 3,
    "training.bundle_files.IntegrityError": 4,
    "experiments.model_registry.TrackerError": 5,
    # A file that is no TOML, or says what its model does not allow; data never come this way.
    "tomllib._parser.TOMLDecodeError": 2,
    "pydantic_core._pydantic_core.ValidationError": 2,
    "builtins.ConnectionError": 5,
    "builtins.TimeoutError": 5,
    # A path that is not there, or in the way, was typed; what else a file system says comes from outside.
    "builtins.FileNotFoundError": 2,
    "builtins.FileExistsError": 2,
    "builtins.NotADirectoryError": 2,
    "builtins.IsADirectoryError": 2,
    "builtins.OSError": 5,
}
_OWN_FAULT: Final = 70  # EX_SOFTWARE: none of the decided codes means that the program itself is wrong
# What to try where an error does not say it itself.
_TRY: Final[dict[int, str]] = {
    1: "spinecast decide RUN, to read the reasons again",
    2: "spinecast {verb} --help",
    3: "spinecast inspect TABLES --contract NAME, which lists all violations at once",
    4: "spinecast release --study NAME --version N, which gives the alias to a version that is whole",
    5: "spinecast doctor, which looks at folders, addresses and databases",
}


@final
class _Verbs(click.Group):
    """Verbs imported only when they are run."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        command: click.Command = importlib.import_module(f"experiments.commands.{cmd_name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and args[0] not in VERBS:
            from difflib import get_close_matches

            near = get_close_matches(args[0], VERBS, n=1)
            raise click.UsageError(
                f'No verb "{args[0]}". ' + (f'Did you mean "{near[0]}"?' if near else f"Verbs: {', '.join(VERBS)}."),
                ctx,
            )
        return args[0] if args else None, self.get_command(ctx, args[0]) if args else None, args[1:]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Verbs"):
            formatter.write_dl(list(VERBS.items()))


def _version(ctx: click.Context, _param: click.Parameter, asked: bool) -> None:
    if not asked:
        return
    from importlib.metadata import PackageNotFoundError, version

    try:
        click.echo(f"spinecast {version('spinecast')}")
    except PackageNotFoundError:
        click.echo("spinecast (from its source folder, not installed)")
    ctx.exit()


@click.group(
    cls=_Verbs,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
    epilog="Exit codes: 0 done · 1 looked and found something · 2 wrong use or configuration "
    "· 3 data break the contract · 4 integrity · 5 outside world · 130 interrupted, resumable.",
)
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Print the version and exit."
)
def spinecast() -> None:
    """Survival and neurologic recovery from spine-metastasis registries: from tables to a served, documented answer.

    Example: spinecast simulate registry/demo, then spinecast study survival --tables registry/demo
    """


def exit_code(error: BaseException) -> int | None:
    """The exit code of an error by its nearest known class; None for a fault of our own."""
    for cls in type(error).__mro__:
        code = _EXIT.get(f"{cls.__module__}.{cls.__qualname__}")
        if code is not None:
            return code
    return None


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb and return its exit code; the only place that prints an error."""
    argv = list(sys.argv[1:] if arguments is None else arguments)
    verb = next((word for word in argv if not word.startswith("-")), "")
    try:
        returned = spinecast.main(argv, prog_name="spinecast", standalone_mode=False)
        return returned if isinstance(returned, int) else 0
    except (KeyboardInterrupt, click.Abort):
        _tell("interrupted", "what was finished is kept.", "run the same line again to resume", 130, argv)
        return 130
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help() if error.ctx else "", err=True)
        return 2
    except click.ClickException as error:
        where = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "spinecast"
        _tell("error", error.format_message(), f"{where} --help", 2, argv)
        return 2
    except BrokenPipeError:
        # The reader of a pipe (head, less) went away: nothing is wrong, and nothing is left to say.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        code = exit_code(error)
        if code is None:
            return _own_fault(error, argv)
        hint = _TRY[2] if code == 3 and verb in ("init", "inspect") else _TRY[code]
        _tell("error", _text(error), hint.format(verb=verb), code, argv)
        return code


def _own_fault(error: Exception, argv: Sequence[str]) -> int:
    """Where the house broke, without the message: a library's message may quote a patient."""
    import traceback

    if os.environ.get("SPINECAST_TRACEBACK"):
        raise error
    house = Path(__file__).resolve().parent.parent
    frames = [(Path(one.filename), one) for one in traceback.extract_tb(error.__traceback__)]
    ours = [f"{path.relative_to(house)}:{one.lineno} in {one.name}" for path, one in frames if _within(path, house)]
    places = [*ours[-4:], f"raised in {frames[-1][0].name}:{frames[-1][1].lineno}"]
    text = "\n".join([f"spinecast itself failed: {type(error).__name__}", *places])
    _tell("error", text, "SPINECAST_TRACEBACK=1 shows all of it, and may quote values of patients", _OWN_FAULT, argv)
    return _OWN_FAULT


def _within(path: Path, house: Path) -> bool:
    return path.is_relative_to(house) and "site-packages" not in path.parts and ".venv" not in path.parts


def _text(error: Exception) -> str:
    """The error's own sentence. An OSError's tuple and a validation's report are no sentences."""
    if type(error).__name__ == "ValidationError" and hasattr(error, "errors"):
        faults = error.errors(include_url=False, include_input=False, include_context=False)
        lines = [f"{'.'.join(map(str, fault['loc'])) or 'the file'}: {fault['msg']}" for fault in faults]
        title = getattr(error, "title", "configuration").lower()
        return "\n".join([f"{len(lines)} fault{'' if len(lines) == 1 else 's'} in the {title}.", *lines])
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    return str(error) or type(error).__name__


def _tell(kind: str, text: str, hint: str, code: int, argv: Sequence[str]) -> None:
    """The error form: what; where, expected and got as counts; what to try; the exit code."""
    lines = text.strip().splitlines() or [""]
    # One sentence may end with its own "try:"; several faults keep theirs, each beside what it mends.
    if len(lines) == 1 and " try: " in lines[0]:
        lines = list(lines[0].partition(" try: ")[::2])
        lines[1] = f"try: {lines[1].removesuffix('.')}"
    hints = [line.strip()[len("try:") :].strip() for line in lines if line.strip().startswith("try:")]
    body = [line for line in lines if not line.strip().startswith("try:")]
    if any(" try: " in line for line in body):
        hint = ""
    if "--json" in argv:
        problem = {
            "error": body[0] if body else kind,
            "detail": body[1:],
            "try": hints or [hint] * bool(hint),
            "exit": code,
        }
        click.echo(json.dumps(problem, ensure_ascii=False), err=True)
        return
    click.echo(f"{kind}: {body[0] if body else ''}", err=True)
    for line in body[1:]:
        click.echo(f"  {line.strip()}", err=True)
    for line in hints or [hint] * bool(hint):
        click.echo(f"  try: {line}", err=True)
    click.echo(f"  code: {code}", err=True)


if __name__ == "__main__":
    sys.exit(main())
