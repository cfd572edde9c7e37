# Sourced by the scripts beside it: makes .venv in the repository once and keeps it up to date.
# environment NAME PIP_ARGUMENTS... installs, unless a stamp says that the same was installed before.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv=$root/.venv

say() { printf '%s\n' "$*" >&2; }

find_python() {
  local candidate
  for candidate in "${PYTHON:-python3}" python3.13 python3.12 python3.11; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      printf '%s' "$candidate"
      return
    fi
  done
  say "adamcheck needs Python 3.11 or newer; ${PYTHON:-python3} is $("${PYTHON:-python3}" -V 2>&1 || true)."
  say "Install one, or name it: PYTHON=/path/to/python3.12 $0"
  exit 3
}

environment() {
  local name=$1 python stamp lines line
  shift
  mkdir -p "$venv"
  # two scripts started together must not install into one another
  if command -v flock >/dev/null; then exec 9>"$venv/.lock" && flock 9; fi
  if [ ! -x "$venv/bin/python" ]; then
    python=$(find_python)
    say "making $venv with $("$python" -V)"
    if ! "$python" -m venv "$venv" >&2; then
      say "python -m venv failed; on Debian and Ubuntu: apt-get install python3-venv"
      exit 3
    fi
  fi
  stamp=$( { "$venv/bin/python" -V; cat "$root/pyproject.toml"; printf '%s\n' "$@"; } | cksum)
  if [ "$(cat "$venv/.stamp-$name" 2>/dev/null || true)" != "$stamp" ]; then
    lines=("$@")
    for line in "${lines[@]}"; do
      say "installing $line"
      # shellcheck disable=SC2086
      (set -f && cd "$root" && "$venv/bin/python" -m pip install --quiet --disable-pip-version-check $line) >&2
    done
    printf '%s\n' "$stamp" >"$venv/.stamp-$name"
  fi
  if command -v flock >/dev/null; then flock -u 9 && exec 9>&-; fi
}
