"""`ingat stop`: end the servers of a store, and no other process."""

from __future__ import annotations

from ingat.cli.command import Command, Option
from ingat.cli.daemon import STOP_S, described, holder, look, stop
from ingat.cli.language import mark
from ingat.cli.run import current_run
from ingat.cli.values import Whole
from ingat.core.limits import check_limit

MAX_WAIT_S = 3_600


def _stop(port: int | None, timeout: int, force: bool) -> None:
    run = current_run()
    _ = run.translate
    check_limit(timeout, "timeout in seconds", 0, MAX_WAIT_S)
    found = look(run.settings)
    wanted = [each for each in found.servers if port in (None, each.port)]
    if not run.json:
        for path in found.stale:
            run.note(_("{file} named a process that is gone; the file was removed.").format(file=path))
        for each in found.elsewhere:
            run.note(
                _("The server of port {port} runs on the machine {machine}; stop it there.").format(
                    port=each.port, machine=each.machine
                )
            )
        for each in wanted:
            run.note(_("Stopping the server at {url} (process {pid}) ...").format(url=each.url, pid=each.pid))
    stopped = stop(run.settings, port=port, timeout_s=timeout, force=force)
    other = None if wanted else holder(port or run.settings.port)
    if run.json:
        ended = [{**described(each.server), "killed": each.killed} for each in stopped]
        run.print_json(
            {
                "stopped": ended,
                "stale": [str(path) for path in found.stale],
                "port_held_by": None if other is None else str(other),
            }
        )
        return
    for ending in stopped:
        if ending.killed:
            run.say(_("The server did not end in time and was killed. What it had acknowledged is saved."))
        else:
            run.say(_("The server has ended. Everything that was acknowledged is saved."))
    if not stopped:
        run.say(_("No server of this store runs here."))
    if other is not None:
        told = _("{program} (process {pid})").format(program=other.program, pid=other.pid)
        run.note(
            _("Port {port} is held by {program}, which is no server of this store; it was left alone.").format(
                port=port or run.settings.port, program=told
            )
        )


stop_ = Command(
    "stop",
    callback=_stop,
    help=mark("Stop the servers of this store.")
    + "\n\n"
    + mark(
        "Only the processes that the pid files in the data directory name are stopped, after a check that they are"
        " the ones that wrote them. Open requests are finished first."
    ),
    params=[
        Option(["--port"], type=Whole(), metavar="PORT", help=mark("only the server of this port; by default, all")),
        Option(
            ["--timeout"],
            type=Whole(),
            metavar="SECONDS",
            default=int(STOP_S),
            show_default=True,
            help=mark("how long to wait for their end"),
        ),
        Option(["--force"], is_flag=True, help=mark("kill what has not ended by then")),
    ],
)
