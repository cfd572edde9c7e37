"""The commands and their options; what they do is elsewhere, and loads when it is asked for."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from adamcheck._version import __version__
from adamcheck.cli.output import say, tolerant
from adamcheck.errors import AdamcheckError

EPILOG = "Exit codes: 0 conforms, 1 deviates, 2 wrong usage, 3 error or incomplete."

app = typer.Typer(
    name="adamcheck",
    help="Is it Adam, which Adam, proved how far, and how precisely.",
    epilog=EPILOG,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)

Target = Annotated[
    str, typer.Argument(metavar="TARGET", help="package.module:attribute or path/file.py:attribute")
]
Targets = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="TARGET",
        help="package.module:attribute or path/file.py:attribute; default: the config's targets",
    ),
]
Options = Annotated[
    list[str] | None,
    typer.Option("--option", metavar="K=V", help="Option of the target itself; repeatable."),
]
Fixed = Annotated[
    list[str] | None,
    typer.Option(
        "--fixed",
        metavar="K=V",
        help="A hyperparameter that the target does not let be set, such as beta1=0.9; repeatable.",
    ),
]
Device = Annotated[str, typer.Option("--device", metavar="cpu|cuda", help="Where arrays live.")]
Config = Annotated[
    str,
    typer.Option("--config", metavar="F", help="A pyproject.toml; default: the nearest one."),
]
Timeout = Annotated[
    float | None,
    typer.Option("--timeout", metavar="S", help="Seconds a target may take to start, step or run."),
]
Memory = Annotated[
    str, typer.Option("--memory", metavar="BYTES", help="Of a target's process, such as 4G.")
]


def _seed(text: str) -> int:
    """A whole number from 0 on, or one that chance draws."""
    from adamcheck.cli.request import seed_for

    try:
        return seed_for(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is neither a number from 0 on nor 'random'") from None


Seed = Annotated[
    int | None,
    typer.Option(
        metavar="N|random",
        parser=_seed,
        help="Of random inputs; random draws one and says it, and so does thorough; else 0.",
    ),
]
Jobs = Annotated[
    int | None,
    typer.Option("--jobs", metavar="N", min=1, help="Processes that judge; one a core, up to 2."),
]
Debug = Annotated[bool, typer.Option("--debug", help="Show tracebacks.")]
JsonFile = Annotated[
    str, typer.Option("--json", metavar="F", help="Write the result as JSON; - for stdout.")
]


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        typer.echo(f"adamcheck {__version__}")
        raise typer.Exit(0)
    if context.invoked_subcommand is None:
        typer.echo(context.get_help(), err=True)
        raise typer.Exit(2)


@app.command(epilog=EPILOG)
def check(
    targets: Targets = None,
    spec: Annotated[
        str | None,
        typer.Option(metavar="SPEC|auto", help="What is claimed, such as adam[eps=hat]; adam."),
    ] = None,
    profile: Annotated[
        str | None, typer.Option(metavar="quick|ci|thorough", help="How much is run; quick.")
    ] = None,
    dtype: Annotated[
        list[str] | None,
        typer.Option(metavar="DTYPE", help="Repeatable or with commas; all it takes."),
    ] = None,
    device: Device = "cpu",
    seed: Seed = None,
    option: Options = None,
    fixed: Fixed = None,
    only: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="Only these checks; repeatable.")
    ] = None,
    allow_partial: Annotated[
        bool,
        typer.Option("--allow-partial", help="Exit 0 when a part of the checks was run and held."),
    ] = False,
    max_steps: Annotated[
        int | None,
        typer.Option("--max-steps", metavar="N", min=1, help="Cut longer runs; a partial run."),
    ] = None,
    defaults: Annotated[
        str | None,
        typer.Option(metavar="report|strict", help="A default unlike its source's fails; report."),
    ] = None,
    strict_interface: Annotated[
        bool,
        typer.Option(
            "--strict-interface",
            help="What is refused, guarded or not validated fails, not only wrong numbers.",
        ),
    ] = False,
    json: JsonFile = "",
    markdown: Annotated[
        str, typer.Option(metavar="F", help="Write a report for a pull request; - for stdout.")
    ] = "",
    replay: Annotated[
        str, typer.Option(metavar="F", help="Run the witnesses of a witness or result file again.")
    ] = "",
    config: Config = "",
    timeout: Timeout = None,
    memory: Memory = "",
    jobs: Jobs = None,
    debug: Debug = False,
) -> None:
    """Judge targets: conforms, or deviates with a witness.

    Only a complete profile conforms; with --only or --replay a target held, and the exit code is 3
    unless --allow-partial.

    Of several targets the exit code is 3 if any run is incomplete, else 1 if any deviates, else 2
    if any could not be judged.
    """
    from adamcheck.cli import request as ask
    from adamcheck.config import DEFAULTS

    table = ask.config_for(config)
    ids = [word.upper() for word in only or ()]
    known = ask.known_checks() if only and not replay else ()
    request = ask.Request(
        targets=ask.targets_for(targets or (), table),
        # an empty text is said, and wrong: a script's unset variable is no claim of adam
        spec=ask.spec_for(table.spec or "adam" if spec is None else spec),
        profile=ask.profile_for(table.profile or "quick" if profile is None else profile),
        dtypes=ask.dtypes_for(dtype or ()),
        device=ask.one_of(device, ask.DEVICES, "device"),
        seed=seed,
        options=ask.options_for(option or (), table),
        declared=ask.declared_for(fixed or (), table),
        only=ask.words(ids) if replay else ask.only_for(ids, known),
        allow_partial=allow_partial,
        max_steps=max_steps,
        defaults=ask.one_of(
            table.defaults or "report" if defaults is None else defaults, DEFAULTS, "defaults"
        ),
        strict_interface=strict_interface or table.strict_interface,
        timeout=ask.seconds_for(timeout),
        memory=ask.bytes_for(memory),
        jobs=jobs,
        waivers=table.waivers,
        json=json,
        markdown=markdown,
        replay=replay,
    )
    from adamcheck.cli.check import run_check

    raise typer.Exit(run_check(request, debug=debug))


@app.command(epilog=EPILOG)
def identify(
    target: Target,
    dtype: Annotated[str, typer.Option(metavar="DTYPE")] = "float64",
    device: Device = "cpu",
    option: Options = None,
    fixed: Fixed = None,
    json: JsonFile = "",
    config: Config = "",
    timeout: Timeout = None,
    memory: Memory = "",
    debug: Debug = False,
) -> None:
    """Name the dialect of a target; exit code 1 if it is none of them."""
    from adamcheck.cli import request as ask
    from adamcheck.cli.identify import run_identify

    table = ask.config_for(config)

    code = run_identify(
        target,
        dtype=ask.one_of(dtype, ask.DTYPES, "dtype"),
        device=ask.one_of(device, ask.DEVICES, "device"),
        options=ask.options_for(option or (), table),
        declared=ask.declared_for(fixed or (), table),
        limits=ask.limits_for(ask.seconds_for(timeout), ask.bytes_for(memory)),
        json=json,
    )
    raise typer.Exit(code)


@app.command(epilog="Exit codes: 0 discharged, 1 a step is not, 2 wrong usage, 3 error.")
def prove(
    theorems: Annotated[
        list[str] | None, typer.Argument(metavar="THEOREM", help="Slugs; default: all theorems.")
    ] = None,
    latex: Annotated[str, typer.Option(metavar="F", help="Write the derivations as LaTeX.")] = "",
    markdown: Annotated[
        str, typer.Option(metavar="F", help="Write the derivations as Markdown.")
    ] = "",
    json: Annotated[str, typer.Option(metavar="F", help="Write the ledger as JSON.")] = "",
    debug: Debug = False,
) -> None:
    """Prove the theorems behind the checks, step by step, and print the ledger."""
    from adamcheck.cli.prove import run_prove

    raise typer.Exit(run_prove(theorems or (), latex=latex, markdown=markdown, json=json))


@app.command(epilog=EPILOG)
def trace(
    target: Target,
    problem: Annotated[
        str, typer.Option(metavar="NAME", help="A named problem; an unknown name lists them.")
    ] = "",
    gradients: Annotated[
        str, typer.Option(metavar="F", help="Gradients in a .npy, .npz or .json file instead.")
    ] = "",
    parameter: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="K=V", help="Parameter of the problem; repeatable."),
    ] = None,
    spec: Annotated[str, typer.Option(metavar="SPEC", help="What is claimed.")] = "adam",
    dtype: Annotated[str, typer.Option(metavar="DTYPE")] = "float64",
    steps: Annotated[int, typer.Option(min=1, help="Steps on a problem.")] = 200,
    hyper: Annotated[
        list[str] | None,
        typer.Option("--hyper", metavar="K=V", help="Such as lr=0.01 or beta2=0.99; repeatable."),
    ] = None,
    csv: Annotated[str, typer.Option(metavar="F", help="Write the table; - for stdout.")] = "",
    parquet: Annotated[str, typer.Option(metavar="F", help="Write the table as Parquet.")] = "",
    json: JsonFile = "",
    plot: Annotated[str, typer.Option(metavar="F", help="Draw a .png, .svg or .pdf.")] = "",
    device: Device = "cpu",
    option: Options = None,
    config: Config = "",
    timeout: Timeout = None,
    memory: Memory = "",
    debug: Debug = False,
) -> None:
    """Run a target and the oracle side by side; exit code 1 if a step leaves its envelope."""
    from adamcheck.cli import request as ask
    from adamcheck.cli.trace import TraceRequest, hyper_for, problem_for, run_trace

    request = TraceRequest(
        target=target,
        problem=problem_for(problem, parameter or (), gradients),
        gradients=gradients,
        spec=ask.spec_for(spec),
        dtype=ask.one_of(dtype, ask.DTYPES, "dtype"),
        steps=steps,
        hyper=hyper_for(hyper or ()),
        device=ask.one_of(device, ask.DEVICES, "device"),
        options=ask.options_for(option or (), ask.config_for(config)),
        limits=ask.limits_for(ask.seconds_for(timeout), ask.bytes_for(memory)),
        csv=csv,
        parquet=parquet,
        json=json,
        plot=plot,
    )
    raise typer.Exit(run_trace(request))


@app.command("list")
def list_(debug: Debug = False) -> None:
    """List the checks, the conventions of a spec and the theorems."""
    from adamcheck.cli.catalogue import run_list

    run_list()


@app.command()
def explain(
    name: Annotated[str, typer.Argument(metavar="ID", help="A check or a theorem.")],
    debug: Debug = False,
) -> None:
    """Explain a check with the theorem behind it, or a theorem."""
    from adamcheck.cli.catalogue import run_explain

    run_explain(name)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code and never raises."""
    tolerant()
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in arguments
    try:
        command = typer.main.get_command(app)
        code: Any = command.main(arguments, prog_name="adamcheck", standalone_mode=False)
    except AdamcheckError as error:
        if debug:
            traceback.print_exc()
        say(str(error))
        return error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        say("interrupted")
        return 3
    except Exception as error:
        return _unforeseen(error, debug)
    # the shell's code for an interrupt is, in this program's words, a run that is incomplete
    return 3 if code == 130 else int(code or 0)


def _unforeseen(error: Exception, debug: bool) -> int:
    # the parser's errors are told by their form: their class has moved between Typer's versions
    told, code = getattr(error, "format_message", None), getattr(error, "exit_code", None)
    if callable(told) and isinstance(code, int):
        context = getattr(error, "ctx", None)
        path = context.command_path if context is not None else "adamcheck"
        text = str(told()).strip()
        say(f"{text}{'' if text.endswith(('.', '?', ')')) else '.'} See {path} --help.")
        return 2
    from adamcheck.cli.check import internal

    if debug:
        traceback.print_exc()
    say(internal(error))
    return 3
