"""ScaledJobs in a folder: Jobs as local processes that end. `template` says what a Job is made of, `slot` is a process
of one, `job` the life of one, `batch` are those of one ScaledJob, `batches` which of these there are; `ends` are the
files that tell whichever daemon runs then how a process ended."""
