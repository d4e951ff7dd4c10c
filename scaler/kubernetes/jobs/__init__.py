"""ScaledJobs on a Kubernetes cluster. `kinds` is the table of what a job may be, `objects` what is read of one and of
its pods, `watching` keeps those current while there are ScaledJobs, `counting` says which run and which are pending.
`manifest` is the job that is made, `making` makes each once. `ending` says which are to go: too old, or too many.
`status` and `steps` are pure, as their namesakes one floor up; `port` is this room's part of the cluster's port."""
