# Sourced by bin/run, bin/test and bin/bench: `ensure_venv NAME SET` makes the virtual environment NAME in the project's
# folder from constraints/SET.txt, with the project itself in it, unless it is there and made from the same files.
# INGAT_EXTRAS names optional parts to put into it too, `encryption` and `postgres`; they stay in it.
# Needs bash and Python 3.11 to 3.14; uses uv if there, else venv + pip. Says what it does on stderr.

root=$(CDPATH='' cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)

find_python() {
    local name
    for name in ${PYTHON:+"$PYTHON"} python3 python3.14 python3.13 python3.12 python3.11; do
        if "$name" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' 2>/dev/null; then
            command -v "$name"
            return
        fi
    done
    return 1
}

# Everything the environment is made of. The folder counts too: an environment does not survive being moved.
fingerprint() {
    { printf '%s\n' "$root"; cat "$root/pyproject.toml" "$root/constraints/$1.txt" "$root/constraints/build.txt"; } | cksum
}

fresh() { # VENV SET
    [ -x "$1/bin/python" ] && [ "$(cat "$1/.installed" 2>/dev/null)" = "$(fingerprint "$2")" ]
}

install_with_uv() { # VENV SET PYTHON
    uv venv --quiet --python "$3" "$1" &&
        uv pip install --quiet --python "$1/bin/python" --build-constraints "$root/constraints/build.txt" \
            -r "$root/constraints/$2.txt" -e "$root"
}

install_with_pip() { # VENV SET PYTHON
    local pip
    if "$3" -m venv "$1" >/dev/null 2>&1; then
        pip=("$1/bin/python" -m pip)
    elif rm -rf "$1" && "$3" -m pip --version >/dev/null 2>&1 && "$3" -m venv --without-pip "$1"; then
        pip=("$3" -m pip --python "$1/bin/python") # Debian with python3-pip and without python3-venv
    else
        rm -rf "$1"
        echo "ingat: this Python ($3) can make no virtual environment. Either of these helps:" >&2
        echo "    apt install python3-venv        (Debian, Ubuntu)" >&2
        echo "    install uv" >&2
        echo "Then run this again." >&2
        return 1
    fi
    # pip checks hashes of all it installs or of nothing, and a local folder has none: hence two steps. What builds the
    # project is held by the second variable since pip 25.3, and by the first before.
    PIP_DISABLE_PIP_VERSION_CHECK=1 "${pip[@]}" install --quiet --require-hashes -r "$root/constraints/$2.txt" &&
        PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_CONSTRAINT="$build_file" PIP_BUILD_CONSTRAINT="$build_file" \
            "${pip[@]}" install --quiet --no-deps -e "$root"
}

install() { # VENV SET
    local python build_file status found
    if ! python=$(find_python); then
        if ! command -v uv >/dev/null; then
            found=$(python3 --version 2>/dev/null) || found="no python3"
            echo "ingat needs Python 3.11 to 3.14, and found: $found" >&2
            echo "Install one of these, or name it: PYTHON=/path/to/python3.12 $0" >&2
            return 1
        fi
        python='>=3.11,<3.15' # uv looks further, and fetches one
    fi
    echo "ingat: installing into $1 (about half a minute) ..." >&2
    rm -rf "$1"
    if command -v uv >/dev/null; then
        install_with_uv "$1" "$2" "$python" && return
        case $python in '>'*) return 1 ;; esac
        echo "ingat: uv could not do it; trying venv and pip ..." >&2
        rm -rf "$1"
    fi
    # These variables of pip are lists divided by spaces, so the file is named by a path that surely has none.
    build_file=$(mktemp "${TMPDIR:-/tmp}/ingat-build.XXXXXX")
    cp "$root/constraints/build.txt" "$build_file"
    status=0
    install_with_pip "$1" "$2" "$python" || status=$?
    rm -f "$build_file"
    return "$status"
}

# The extras that the environment is to have: those of the variable, and those that it had before.
extras() { # VENV
    local each found=" "
    for each in $(cat "$1/.extras" 2>/dev/null) ${INGAT_EXTRAS//,/ }; do
        case $found in *" $each "*) ;; *) found="$found$each " ;; esac
    done
    printf '%s' "${found# }"
}

add_extras() { # VENV EXTRAS
    local each python pip there
    there=" $(cat "$1/.extras" 2>/dev/null || true) "
    for each in $2; do
        if [ ! -f "$root/constraints/$each.txt" ]; then
            echo "ingat: INGAT_EXTRAS names $each, which cannot be installed here; what can: encryption, postgres" >&2
            return 1
        fi
    done
    for each in $2; do
        case $there in *" $each "*) continue ;; esac
        echo "ingat: installing the extra $each into $1 ..." >&2
        if command -v uv >/dev/null; then
            uv pip install --quiet --python "$1/bin/python" --require-hashes -r "$root/constraints/$each.txt" && continue
            echo "ingat: uv could not do it; trying pip ..." >&2
        fi
        pip=("$1/bin/python" -m pip)
        if ! "${pip[@]}" --version >/dev/null 2>&1; then
            python=$(find_python) || return 1
            pip=("$python" -m pip --python "$1/bin/python")
        fi
        PIP_DISABLE_PIP_VERSION_CHECK=1 "${pip[@]}" install --quiet --require-hashes -r "$root/constraints/$each.txt" ||
            return 1
    done
    printf '%s' "$2" >"$1/.extras"
}

ensure_venv() { # NAME SET
    local venv="$root/$1" wanted
    if fresh "$venv" "$2" && [ -z "${INGAT_EXTRAS:-}" ]; then return; fi
    INGAT_EXTRAS=${INGAT_EXTRAS:-}
    wanted=$(extras "$venv")
    if fresh "$venv" "$2" && [ "$wanted" = "$(cat "$venv/.extras" 2>/dev/null)" ]; then return; fi
    if ! { true >>"$venv.lock"; } 2>/dev/null; then
        echo "ingat: nothing can be installed in $root, because the folder cannot be written." >&2
        echo "Copy the project into a folder of yours and run it from there, or run this once as the folder's owner." >&2
        return 1
    fi
    exec 9>"$venv.lock"
    if command -v flock >/dev/null; then flock 9; fi # two first uses at once: the second waits
    if ! fresh "$venv" "$2"; then
        install "$venv" "$2"
        fingerprint "$2" >"$venv/.installed"
    fi
    if [ "$wanted" != "$(cat "$venv/.extras" 2>/dev/null)" ]; then add_extras "$venv" "$wanted"; fi
    exec 9>&-
}
