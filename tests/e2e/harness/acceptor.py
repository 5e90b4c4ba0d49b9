"""A TCP server of a test: each connection in a thread of its own."""

import socket
import threading


class Acceptor:
    """Accepts connections on a listening socket until the `with` block ends; a subclass says what becomes of one."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self._open: list[socket.socket] = [listener]
        self._threads = [threading.Thread(target=self._accept, daemon=True)]

    def serve(self, connection: socket.socket) -> None:
        """Attends to one connection to its end; that the other side is gone needs no handling."""
        raise NotImplementedError

    def port(self) -> int:
        return self._listener.getsockname()[1]

    def __exit__(self, *_: object) -> None:
        for one in self._open:
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            one.close()
        for thread in self._threads:
            thread.join(5)

    def _start(self) -> None:
        self._threads[0].start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._open.append(connection)
            thread = threading.Thread(target=self._attend, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _attend(self, connection: socket.socket) -> None:
        try:
            self.serve(connection)
            connection.close()
        except OSError:
            pass
