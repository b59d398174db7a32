# bash completion for syncline; made by `syncline completion bash`

_syncline_words() {
    local name
    for name in "$@"; do
        [[ $name == "$word"* ]] && COMPREPLY+=("$name")
    done
}

_syncline_files() {
    local name
    compopt -o filenames 2>/dev/null
    while IFS= read -r name; do COMPREPLY+=("$name"); done < <(compgen "$1" -- "$word")
}

_syncline_jobs() {
    local name
    while IFS= read -r name; do
        [[ $name == "$word"* ]] && COMPREPLY+=("$(printf %q "$name")")
    done < <(syncline completion --jobs ${job_file:+-f "$job_file"} 2>/dev/null)
}

# The shell takes the colon of `cse:` for a word of its own: what stands before it is offered whole.
_syncline_remotes() {
    local name
    while IFS= read -r name; do
        [[ $name == "$word"* ]] && COMPREPLY+=("$name") && compopt -o nospace 2>/dev/null
    done < <(syncline completion --remotes ${job_file:+-f "$job_file"} 2>/dev/null)
}

_syncline() {
    local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
    local command= job_file= i
    COMPREPLY=()
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
            -f | --file) job_file=${COMP_WORDS[++i]} ;;
            --log-file) ((i++)) ;;
            -*) ;;
            *) [[ $command ]] || command=${COMP_WORDS[i]} ;;
        esac
    done
    case $previous in
        --log-file) _syncline_files -f; return ;;
        -f|--file) _syncline_files -f; return ;;
        --job) _syncline_jobs; return ;;
        --root) _syncline_files -d; return ;;
        --remote) _syncline_remotes; _syncline_files -d; return ;;
        -x|--exclude) :; return ;;
        -i|--include) :; return ;;
        -d|--remote-dir|--dest) _syncline_files -d; return ;;
        -b|--bucket) :; return ;;
        --bwlimit) :; return ;;
        --env) :; return ;;
        -i|--interval) :; return ;;
        --ready-fd) :; return ;;
        --host) :; return ;;
    esac
    case $command in
        '')
            _syncline_words apply plan check push pull sync run explain init trust clean doctor buckets help completion watch auto status trigger pause resume wait stop --help --version ;;
        apply)
            if [[ $word == -* ]]; then
                _syncline_words -f --file --once --job -n --dry-run --adopt --detach -v --verbose -q --quiet --json --log-file --help
            else
                _syncline_jobs; _syncline_files -f
            fi ;;
        plan)
            if [[ $word == -* ]]; then
                _syncline_words -f --file --job -v --verbose -q --quiet --json --log-file --help
            else
                _syncline_jobs; _syncline_files -f
            fi ;;
        check)
            if [[ $word == -* ]]; then
                _syncline_words -f --file -v --verbose -q --quiet --json --log-file --help
            else
                _syncline_files -f
            fi ;;
        push)
            if [[ $word == -* ]]; then
                _syncline_words -f --file --root --remote --sync-cwd -x --exclude -i --include -d --remote-dir --dest -b --bucket --force --restart --tar --checksum -n --dry-run --adopt --bwlimit --accept-new-host-key --delete --never-delete --overwrite --preserve -v --verbose -q --quiet --json --log-file --help
            else
                _syncline_jobs; _syncline_files -f
            fi ;;
        pull)
            if [[ $word == -* ]]; then
                _syncline_words -f --file --root --remote --sync-cwd -x --exclude -i --include -d --remote-dir --dest -b --bucket --force --restart --tar --checksum -n --dry-run --adopt --bwlimit --accept-new-host-key --missing --update --overwrite -v --verbose -q --quiet --json --log-file --help
            else
                _syncline_jobs; _syncline_files -f
            fi ;;
        sync)
            if [[ $word == -* ]]; then
                _syncline_words -f --file --root --remote --sync-cwd -x --exclude -i --include -d --remote-dir --dest -b --bucket --force --restart --tar --checksum -n --dry-run --adopt --bwlimit --accept-new-host-key --delete --never-delete --preserve --missing --update --overwrite -v --verbose -q --quiet --json --log-file --help
            else
                _syncline_jobs; _syncline_files -f
            fi ;;
        run)
            if [[ $word == -* ]]; then
                _syncline_words --pull --pull-always --sync --skip-sync --env -f --file --root --remote --sync-cwd -x --exclude -i --include -d --remote-dir --dest --force --restart --tar --checksum --delete --never-delete --preserve --missing --update --overwrite --adopt --bwlimit --accept-new-host-key -v --verbose -q --quiet --json --log-file --help
            else
                _syncline_jobs
            fi ;;
        explain)
            if [[ $word == -* ]]; then
                _syncline_words -f --file --job -v --verbose -q --quiet --json --log-file --help
            else
                _syncline_jobs; _syncline_files -f
            fi ;;
        init)
            if [[ $word == -* ]]; then
                _syncline_words -v --verbose -q --quiet --json --log-file --help
            else
                :
            fi ;;
        trust)
            if [[ $word == -* ]]; then
                _syncline_words -v --verbose -q --quiet --json --log-file --help
            else
                _syncline_files -f
            fi ;;
        clean)
            if [[ $word == -* ]]; then
                _syncline_words --all --purge --auto -n --dry-run -y --yes -f --file --root --remote --sync-cwd --accept-new-host-key -v --verbose -q --quiet --json --log-file --help
            else
                _syncline_jobs
            fi ;;
        doctor)
            if [[ $word == -* ]]; then
                _syncline_words -f --file -v --verbose -q --quiet --json --log-file --help
            else
                _syncline_files -f
            fi ;;
        buckets)
            if [[ $word == -* ]]; then
                _syncline_words -f --file -v --verbose -q --quiet --json --log-file --help
            else
                :
            fi ;;
        help)
            if [[ $word == -* ]]; then
                _syncline_words -v --verbose -q --quiet --json --log-file --help
            else
                _syncline_words apply plan check push pull sync run explain init trust clean doctor buckets help completion watch auto status trigger pause resume wait stop
            fi ;;
        completion)
            if [[ $word == -* ]]; then
                _syncline_words -f --file -v --verbose -q --quiet --json --log-file --help
            else
                _syncline_words bash zsh fish
            fi ;;
        watch)
            if [[ $word == -* ]]; then
                _syncline_words -f --file --status --stop -v --verbose -q --quiet --json --log-file --help
            else
                _syncline_jobs
            fi ;;
        auto)
            if [[ $word == -* ]]; then
                _syncline_words -f --file -i --interval -x --exclude -d --remote-dir --dest -b --bucket --adopt --status --stop -v --verbose -q --quiet --json --log-file --help
            else
                _syncline_jobs
            fi ;;
        status)
            if [[ $word == -* ]]; then
                _syncline_words -f --file --follow -v --verbose -q --quiet --json --log-file --help
            else
                _syncline_jobs
            fi ;;
        trigger)
            if [[ $word == -* ]]; then
                _syncline_words -f --file -v --verbose -q --quiet --json --log-file --help
            else
                _syncline_jobs
            fi ;;
        pause)
            if [[ $word == -* ]]; then
                _syncline_words -f --file -v --verbose -q --quiet --json --log-file --help
            else
                _syncline_jobs
            fi ;;
        resume)
            if [[ $word == -* ]]; then
                _syncline_words -f --file -v --verbose -q --quiet --json --log-file --help
            else
                _syncline_jobs
            fi ;;
        wait)
            if [[ $word == -* ]]; then
                _syncline_words -f --file -v --verbose -q --quiet --json --log-file --help
            else
                _syncline_jobs
            fi ;;
        stop)
            if [[ $word == -* ]]; then
                _syncline_words -f --file -v --verbose -q --quiet --json --log-file --help
            else
                _syncline_files -f
            fi ;;
    esac
}

complete -F _syncline syncline
