"""Run a command until standard input ends: ``python watch.py COMMAND...``, which first prints the command's pid.

A test process that is killed closes its end of the pipe too, so no server outlives its tests.
"""

import subprocess
import sys
import threading

STOP_WITHIN = 30.0


def main() -> None:
    child = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)
    print(child.pid, flush=True)

    def end() -> None:
        sys.stdin.read()
        child.terminate()
        try:
            child.wait(STOP_WITHIN)
        except subprocess.TimeoutExpired:
            child.kill()

    threading.Thread(target=end, daemon=True).start()
    sys.exit(child.wait())


if __name__ == "__main__":
    main()
