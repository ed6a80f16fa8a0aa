# Sourced by the other scripts: a virtual environment of this checkout, made on first use, renewed when it is outdated.
# Usage: environment FOLDER REQUIREMENT...

environment() {
    local folder=$1
    shift
    local stamp
    stamp="$(cksum <pyproject.toml) $*"
    if [ "$(cat "$folder/.stamp" 2>/dev/null)" != "$stamp" ]; then
        echo "setting up $folder (once)" >&2
        "${PYTHON:-python3}" -m venv "$folder"
        "$folder/bin/python" -m pip install --quiet --disable-pip-version-check --upgrade "pip>=24"
        "$folder/bin/python" -m pip install --quiet --disable-pip-version-check "$@"
        printf '%s' "$stamp" >"$folder/.stamp"
    fi
}
