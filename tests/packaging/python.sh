#!/bin/sh
# pip install from the clone, and from the sdist on a machine without SWIG.
set -u
# shellcheck source=tests/packaging/support.sh
. "$(dirname "$0")/support.sh"
python=$root/.venv/bin/python
PYTHON=$python
# Not the in-tree build, whatever the caller's environment says.
unset PYTHONPATH

has_wrappers() { tar tzf "$1" | grep -q generated/python/core_wrap.cpp && tar tzf "$1" | grep -q generated/python/core.py; }

check "pip install . into a fresh venv" sh -c '"$1" -m venv "$2" && "$2/bin/pip" install --quiet "$3"' - "$python" "$scratch/clone" "$root"
cp "$root/examples/echo/echo.py" "$scratch/echo.py"
check_echo Python "$scratch/clone/bin/python $scratch/echo.py"

check "the sdist is made" "$python" -m build --sdist --outdir "$scratch/dist" "$root"
sdist=$(ls "$scratch"/dist/*.tar.gz)
check "the sdist carries the wrappers" has_wrappers "$sdist"
check "pip install of the sdist without SWIG" sh -c '"$1" -m venv "$2" && "$2/bin/pip" install --quiet --config-settings=cmake.define.SWIG_EXECUTABLE= "$3"' - \
    "$python" "$scratch/source" "$sdist"
check_echo "Python (sdist)" "$scratch/source/bin/python $scratch/echo.py"
check "python -m tidemill serves an application" sh -c 'cd "$1" && exec "$2" "$3/tests/packaging/serve_check.py"' - "$scratch/empty" "$scratch/source/bin/python" "$root"
check "types and documentation are installed" "$scratch/source/bin/python" -c '
import pathlib, tidemill
folder = pathlib.Path(tidemill.__file__).parent
assert (folder / "py.typed").exists() and (folder / "__init__.pyi").exists()
assert "octets" in tidemill.Connection.write.__doc__, tidemill.Connection.write.__doc__
assert tidemill.VERSION == pathlib.Path("'"$root"'/VERSION").read_text().strip()
'
summary
