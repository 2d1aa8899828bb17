# shellcheck shell=bash
# The files of the repository, for the checks to source; the working folder is its root.

# repository_files [PATTERN...]: tracked and new files, ignored ones left out, one a line.
# shellcheck disable=SC2120 # the scripts that source this file pass patterns
repository_files()
{
    local path
    if git -c safe.directory='*' rev-parse --is-inside-work-tree >/dev/null 2>&1; then
        git -c safe.directory='*' ls-files --cached --others --exclude-standard -- "$@"
    else
        # An unpacked archive: everything that is not built.
        find . -path ./build -prune -o -type f -printf '%P\n' | while read -r path; do
            if matches "$path" "$@"; then
                echo "$path"
            fi
        done
    fi | sort -u | while read -r path; do
        # A file that was removed but is still tracked is not there to check.
        if [ -f "$path" ]; then
            echo "$path"
        fi
    done
}

# matches PATH [PATTERN...]: whether one of the patterns, or none given, matches.
matches()
{
    local path=$1 pattern
    shift
    if [ "$#" -eq 0 ]; then
        return 0
    fi
    for pattern in "$@"; do
        # shellcheck disable=SC2053 # a glob is meant
        if [[ "$path" == $pattern ]]; then
            return 0
        fi
    done
    return 1
}

# shell_files: the bash and sh scripts of the repository.
shell_files()
{
    local path
    repository_files '*' | while read -r path; do
        if [[ "$path" == *.sh ]] || head -c 64 "$path" | head -n 1 | grep -aqE '^#!.*\b(ba)?sh\b'; then
            echo "$path"
        fi
    done
}
