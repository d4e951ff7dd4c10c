"""The shell's engine: what is due (agenda, timetable), asking (pool), the straight line (loop) and what everybody reads
(board). It knows the cluster only through the port in `cluster.py`."""
