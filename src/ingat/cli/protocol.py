"""The server's side of a connection: it also ends open event streams when the server stops."""

from __future__ import annotations

from typing import Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol

END = "ingat.end"
"""Where a stream leaves what ends it in the scope of its request."""


class EndingProtocol(AutoHTTPProtocol):  # type: ignore[misc, valid-type]  # chosen when uvicorn is imported
    """uvicorn's protocol, which waits for open answers; one that never ends by itself is told to end."""

    scope: Any
    flow: Any
    transport: Any

    def shutdown(self) -> None:
        """Begin to shut down: called by the server for each connection.

        A stream whose reader takes nothing is cut off: it could say neither its rest nor its end.
        """
        super().shutdown()
        end = (self.scope or {}).get(END)
        if end is not None:
            end()
            if self.flow.write_paused:
                self.transport.abort()
