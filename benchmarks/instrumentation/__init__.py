"""What instrumentation costs a FastAPI service: CPU, throughput, answer times and memory, against the alternatives.

Each arm of each round is one uvicorn worker in a process of its own that exports to a real Collector; `arms.py` says
what the arms are, `counts.py` when a run is invalid, `targets.py` what is aimed at.

    python -m benchmarks.instrumentation --quick            CPU only, a few minutes, nothing is kept
    python -m benchmarks.instrumentation                    everything but the soak; kept in results/
    python -m benchmarks.instrumentation --soak 20          memory and drops over 20 minutes

One core is the service's alone; the client, the relay that counts and the Collector share the others.
"""
