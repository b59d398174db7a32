# fish completion for syncline; made by `syncline completion fish`

function __syncline_jobs
    syncline completion --jobs 2>/dev/null
end

complete -c syncline -f
complete -c syncline -l help -d 'Print help'
complete -c syncline -n __fish_use_subcommand -l version -d 'Print the version'
complete -c syncline -s v -l verbose -d 'List each action, and log more'
complete -c syncline -s q -l quiet -d 'Print errors only'
complete -c syncline -l json -d 'Print JSON instead of text'
complete -c syncline -l log-file -r -F -d 'Write a log to FILE, rotated at 5 MiB, 3 old ones kept'

complete -c syncline -n __fish_use_subcommand -a apply -d 'Run every job on its schedule until told to stop'
complete -c syncline -n '__fish_seen_subcommand_from apply' -s f -l file -r -F -d 'Read this job file'
complete -c syncline -n '__fish_seen_subcommand_from apply' -l once -d 'Run each job once, then exit'
complete -c syncline -n '__fish_seen_subcommand_from apply' -l job -x -a '(__syncline_jobs)' -d 'Only this job (may be given again)'
complete -c syncline -n '__fish_seen_subcommand_from apply' -s n -l dry-run -d 'Show the plan and change nothing'
complete -c syncline -n '__fish_seen_subcommand_from apply' -l adopt -d 'Declare the source of this one run authoritative: guards are waived'
complete -c syncline -n '__fish_seen_subcommand_from apply' -l detach -d 'Go on in the background'
complete -c syncline -n '__fish_seen_subcommand_from apply' -r -F

complete -c syncline -n __fish_use_subcommand -a plan -d 'Show what apply would do, and why, changing nothing'
complete -c syncline -n '__fish_seen_subcommand_from plan' -s f -l file -r -F -d 'Read this job file'
complete -c syncline -n '__fish_seen_subcommand_from plan' -l job -x -a '(__syncline_jobs)' -d 'Only this job (may be given again)'
complete -c syncline -n '__fish_seen_subcommand_from plan' -r -F

complete -c syncline -n __fish_use_subcommand -a check -d 'Validate the job file'
complete -c syncline -n '__fish_seen_subcommand_from check' -s f -l file -r -F -d 'Read this job file'
complete -c syncline -n '__fish_seen_subcommand_from check' -r -F

complete -c syncline -n __fish_use_subcommand -a push -d 'Run a job now, from its root to its destination'
complete -c syncline -n '__fish_seen_subcommand_from push' -s f -l file -r -F -d 'Read this job file'
complete -c syncline -n '__fish_seen_subcommand_from push' -l root -x -a '(__fish_complete_directories)' -d 'The local root, in place of the job\'s'
complete -c syncline -n '__fish_seen_subcommand_from push' -l remote -x -a '(__fish_complete_directories)' -d 'The destination of an ad hoc job: HOST:DIR, BUCKET:PREFIX or a directory'
complete -c syncline -n '__fish_seen_subcommand_from push' -l sync-cwd -d 'The root is the current directory, not the nearest Git root'
complete -c syncline -n '__fish_seen_subcommand_from push' -s x -l exclude -x -d 'Exclude too, relative to the current directory (may be given again)'
complete -c syncline -n '__fish_seen_subcommand_from push' -s i -l include -x -d 'Only what matches, relative to the current directory (may be given again)'
complete -c syncline -n '__fish_seen_subcommand_from push' -s d -l remote-dir -l dest -x -a '(__fish_complete_directories)' -d 'The directory on the destination, in place of the job\'s'
complete -c syncline -n '__fish_seen_subcommand_from push' -s b -l bucket -x -d 'The bucket, in place of the job\'s: NAME or PROVIDER:BUCKET'
complete -c syncline -n '__fish_seen_subcommand_from push' -l force -d 'Transfer even what is equal, and overwrite what would be a conflict'
complete -c syncline -n '__fish_seen_subcommand_from push' -l restart -d 'Cancel a running transfer of the job and start fresh'
complete -c syncline -n '__fish_seen_subcommand_from push' -l tar -d 'Transfer as one archive where that is faster'
complete -c syncline -n '__fish_seen_subcommand_from push' -l checksum -d 'Read and compare every file; trust no index'
complete -c syncline -n '__fish_seen_subcommand_from push' -l delete -d 'Delete on the destination what is gone from the root'
complete -c syncline -n '__fish_seen_subcommand_from push' -s n -l dry-run -d 'Show the plan and change nothing'
complete -c syncline -n '__fish_seen_subcommand_from push' -l adopt -d 'Declare the source of this one run authoritative: guards are waived'
complete -c syncline -n '__fish_seen_subcommand_from push' -r -F -a '(__syncline_jobs)'

complete -c syncline -n __fish_use_subcommand -a pull -d 'Run a job now, from its destination to its root'
complete -c syncline -n '__fish_seen_subcommand_from pull' -s f -l file -r -F -d 'Read this job file'
complete -c syncline -n '__fish_seen_subcommand_from pull' -l root -x -a '(__fish_complete_directories)' -d 'The local root, in place of the job\'s'
complete -c syncline -n '__fish_seen_subcommand_from pull' -l remote -x -a '(__fish_complete_directories)' -d 'The destination of an ad hoc job: HOST:DIR, BUCKET:PREFIX or a directory'
complete -c syncline -n '__fish_seen_subcommand_from pull' -l sync-cwd -d 'The root is the current directory, not the nearest Git root'
complete -c syncline -n '__fish_seen_subcommand_from pull' -s x -l exclude -x -d 'Exclude too, relative to the current directory (may be given again)'
complete -c syncline -n '__fish_seen_subcommand_from pull' -s i -l include -x -d 'Only what matches, relative to the current directory (may be given again)'
complete -c syncline -n '__fish_seen_subcommand_from pull' -s d -l remote-dir -l dest -x -a '(__fish_complete_directories)' -d 'The directory on the destination, in place of the job\'s'
complete -c syncline -n '__fish_seen_subcommand_from pull' -s b -l bucket -x -d 'The bucket, in place of the job\'s: NAME or PROVIDER:BUCKET'
complete -c syncline -n '__fish_seen_subcommand_from pull' -l force -d 'Transfer even what is equal, and overwrite what would be a conflict'
complete -c syncline -n '__fish_seen_subcommand_from pull' -l restart -d 'Cancel a running transfer of the job and start fresh'
complete -c syncline -n '__fish_seen_subcommand_from pull' -l tar -d 'Transfer as one archive where that is faster'
complete -c syncline -n '__fish_seen_subcommand_from pull' -l checksum -d 'Read and compare every file; trust no index'
complete -c syncline -n '__fish_seen_subcommand_from pull' -l overwrite -d 'Overwrite and delete local files: the destination is the truth'
complete -c syncline -n '__fish_seen_subcommand_from pull' -s n -l dry-run -d 'Show the plan and change nothing'
complete -c syncline -n '__fish_seen_subcommand_from pull' -l adopt -d 'Declare the source of this one run authoritative: guards are waived'
complete -c syncline -n '__fish_seen_subcommand_from pull' -r -F -a '(__syncline_jobs)'

complete -c syncline -n __fish_use_subcommand -a run -d 'Push, run a command on the server, pull back: run [JOB] -- CMD [ARG...]'
complete -c syncline -n '__fish_seen_subcommand_from run' -l pull -d 'Pull when the command succeeded'
complete -c syncline -n '__fish_seen_subcommand_from run' -l pull-always -d 'Pull when the command ended, whatever its exit status'
complete -c syncline -n '__fish_seen_subcommand_from run' -l sync -d 'Push first, whatever the job says'
complete -c syncline -n '__fish_seen_subcommand_from run' -l skip-sync -d 'Do not push first'
complete -c syncline -n '__fish_seen_subcommand_from run' -l env -x -d 'Set it for the command: as it is here, or to VALUE; \'LC_*\' and \'!NAME\' too'
complete -c syncline -n '__fish_seen_subcommand_from run' -s f -l file -r -F -d 'Read this job file'
complete -c syncline -n '__fish_seen_subcommand_from run' -l root -x -a '(__fish_complete_directories)' -d 'The local root, in place of the job\'s'
complete -c syncline -n '__fish_seen_subcommand_from run' -l remote -x -a '(__fish_complete_directories)' -d 'The destination of an ad hoc job: HOST:DIR, BUCKET:PREFIX or a directory'
complete -c syncline -n '__fish_seen_subcommand_from run' -l sync-cwd -d 'The root is the current directory, not the nearest Git root'
complete -c syncline -n '__fish_seen_subcommand_from run' -s x -l exclude -x -d 'Exclude too, relative to the current directory (may be given again)'
complete -c syncline -n '__fish_seen_subcommand_from run' -s i -l include -x -d 'Only what matches, relative to the current directory (may be given again)'
complete -c syncline -n '__fish_seen_subcommand_from run' -s d -l remote-dir -l dest -x -a '(__fish_complete_directories)' -d 'The directory on the destination, in place of the job\'s'
complete -c syncline -n '__fish_seen_subcommand_from run' -l force -d 'Transfer even what is equal, and overwrite what would be a conflict'
complete -c syncline -n '__fish_seen_subcommand_from run' -l restart -d 'Cancel a running transfer of the job and start fresh'
complete -c syncline -n '__fish_seen_subcommand_from run' -l tar -d 'Transfer as one archive where that is faster'
complete -c syncline -n '__fish_seen_subcommand_from run' -l checksum -d 'Read and compare every file; trust no index'
complete -c syncline -n '__fish_seen_subcommand_from run' -l overwrite -d 'Overwrite and delete local files: the destination is the truth'
complete -c syncline -n '__fish_seen_subcommand_from run' -l adopt -d 'Declare the source of this one run authoritative: guards are waived'
complete -c syncline -n '__fish_seen_subcommand_from run' -x -a '(__syncline_jobs)'

complete -c syncline -n __fish_use_subcommand -a explain -d 'Tell which rule selects or ignores a path, and what the last run did'
complete -c syncline -n '__fish_seen_subcommand_from explain' -s f -l file -r -F -d 'Read this job file'
complete -c syncline -n '__fish_seen_subcommand_from explain' -l job -x -a '(__syncline_jobs)' -d 'Only this job (may be given again)'
complete -c syncline -n '__fish_seen_subcommand_from explain' -r -F

complete -c syncline -n __fish_use_subcommand -a init -d 'Write a commented jobs.toml'

complete -c syncline -n __fish_use_subcommand -a trust -d 'Trust a job file that was found, as it is now'
complete -c syncline -n '__fish_seen_subcommand_from trust' -r -F

complete -c syncline -n __fish_use_subcommand -a clean -d 'Remove remote project directories; \'clean stop\' ends a clean in the background'
complete -c syncline -n '__fish_seen_subcommand_from clean' -l all -d 'Remove every recorded directory on the job file\'s hosts that min_age does not keep'
complete -c syncline -n '__fish_seen_subcommand_from clean' -l purge -d 'Remove every directory in the default layout, other clients\' too'
complete -c syncline -n '__fish_seen_subcommand_from clean' -l auto -d 'Remove what is older than the clean tables allow'
complete -c syncline -n '__fish_seen_subcommand_from clean' -s n -l dry-run -d 'Show the plan and change nothing'
complete -c syncline -n '__fish_seen_subcommand_from clean' -s y -l yes -d 'Do not ask; with --all, take what min_age keeps too'
complete -c syncline -n '__fish_seen_subcommand_from clean' -s f -l file -r -F -d 'Read this job file'
complete -c syncline -n '__fish_seen_subcommand_from clean' -l root -x -a '(__fish_complete_directories)' -d 'The local root, in place of the job\'s'
complete -c syncline -n '__fish_seen_subcommand_from clean' -l remote -x -a '(__fish_complete_directories)' -d 'The destination of an ad hoc job: HOST:DIR, BUCKET:PREFIX or a directory'
complete -c syncline -n '__fish_seen_subcommand_from clean' -l sync-cwd -d 'The root is the current directory, not the nearest Git root'
complete -c syncline -n '__fish_seen_subcommand_from clean' -x -a '(__syncline_jobs)'

complete -c syncline -n __fish_use_subcommand -a doctor -d 'Try every root, destination and limit, and say what to do'
complete -c syncline -n '__fish_seen_subcommand_from doctor' -s f -l file -r -F -d 'Read this job file'
complete -c syncline -n '__fish_seen_subcommand_from doctor' -r -F

complete -c syncline -n __fish_use_subcommand -a buckets -d 'List what is in a bucket, or try whether it can be used'
complete -c syncline -n '__fish_seen_subcommand_from buckets' -s f -l file -r -F -d 'Read this job file'
complete -c syncline -n '__fish_seen_subcommand_from buckets' -x

complete -c syncline -n __fish_use_subcommand -a completion -d 'Print the completion script of a shell'
complete -c syncline -n '__fish_seen_subcommand_from completion' -s f -l file -r -F -d 'Read this job file'
complete -c syncline -n '__fish_seen_subcommand_from completion' -x -a 'bash zsh fish'

complete -c syncline -n __fish_use_subcommand -a watch -d 'Push a job\'s changes as they happen, in the running engine'
complete -c syncline -n '__fish_seen_subcommand_from watch' -s f -l file -r -F -d 'Read this job file'
complete -c syncline -n '__fish_seen_subcommand_from watch' -l status -d 'Show whether it is on, and what it did last'
complete -c syncline -n '__fish_seen_subcommand_from watch' -l stop -d 'End it'
complete -c syncline -n '__fish_seen_subcommand_from watch' -x -a '(__syncline_jobs)'

complete -c syncline -n __fish_use_subcommand -a auto -d 'Run a job on an interval, in the running engine'
complete -c syncline -n '__fish_seen_subcommand_from auto' -s f -l file -r -F -d 'Read this job file'
complete -c syncline -n '__fish_seen_subcommand_from auto' -s i -l interval -x -d 'From start to start: 30s, 45m, 12h; 60s when the job has none'
complete -c syncline -n '__fish_seen_subcommand_from auto' -s x -l exclude -x -d 'Exclude too, relative to the current directory (may be given again)'
complete -c syncline -n '__fish_seen_subcommand_from auto' -s d -l remote-dir -l dest -x -a '(__fish_complete_directories)' -d 'The directory on the destination, in place of the job\'s'
complete -c syncline -n '__fish_seen_subcommand_from auto' -s b -l bucket -x -d 'The bucket, in place of the job\'s: NAME or PROVIDER:BUCKET'
complete -c syncline -n '__fish_seen_subcommand_from auto' -l adopt -d 'Declare the source of this one run authoritative: guards are waived'
complete -c syncline -n '__fish_seen_subcommand_from auto' -l status -d 'Show whether it is on, and what it did last'
complete -c syncline -n '__fish_seen_subcommand_from auto' -l stop -d 'End it'
complete -c syncline -n '__fish_seen_subcommand_from auto' -x -a '(__syncline_jobs)'

complete -c syncline -n __fish_use_subcommand -a status -d 'Show what the running engine does'
complete -c syncline -n '__fish_seen_subcommand_from status' -s f -l file -r -F -d 'Read this job file'
complete -c syncline -n '__fish_seen_subcommand_from status' -l follow -d 'Go on showing it until interrupted'
complete -c syncline -n '__fish_seen_subcommand_from status' -x -a '(__syncline_jobs)'

complete -c syncline -n __fish_use_subcommand -a trigger -d 'Run a job of the running engine now'
complete -c syncline -n '__fish_seen_subcommand_from trigger' -s f -l file -r -F -d 'Read this job file'
complete -c syncline -n '__fish_seen_subcommand_from trigger' -x -a '(__syncline_jobs)'

complete -c syncline -n __fish_use_subcommand -a pause -d 'Hold a job of the running engine'
complete -c syncline -n '__fish_seen_subcommand_from pause' -s f -l file -r -F -d 'Read this job file'
complete -c syncline -n '__fish_seen_subcommand_from pause' -x -a '(__syncline_jobs)'

complete -c syncline -n __fish_use_subcommand -a resume -d 'Let a held job go on'
complete -c syncline -n '__fish_seen_subcommand_from resume' -s f -l file -r -F -d 'Read this job file'
complete -c syncline -n '__fish_seen_subcommand_from resume' -x -a '(__syncline_jobs)'

complete -c syncline -n __fish_use_subcommand -a wait -d 'Wait until a job\'s changes so far are dealt with'
complete -c syncline -n '__fish_seen_subcommand_from wait' -s f -l file -r -F -d 'Read this job file'
complete -c syncline -n '__fish_seen_subcommand_from wait' -x -a '(__syncline_jobs)'

complete -c syncline -n __fish_use_subcommand -a stop -d 'End the running engine'
complete -c syncline -n '__fish_seen_subcommand_from stop' -s f -l file -r -F -d 'Read this job file'
