"""The fault simulator: the whole product, run by chance and broken on purpose, and held to what it promised.

    SEED=7 OPERATIONS=10000 make simulate

Real processes: PostgreSQL and Valkey of the launcher, one web process, two workers, and the sandbox as the provider
in a process of its own, so that its list of accepted messages is a witness that nothing here can touch.

- `environment`   what they read
- `processes`     starts, kills and restarts them
- `cast`          organizations, people, chatrooms and phones, and how they ask
- `book`          what was asked for and what was answered: all that the simulator may know
- `operations`    what people and customers do, through the front door
- `disturbances`  what breaks underneath
- `watchers`      sockets that are cut and go on from their cursor
- `checks`        what has to hold whenever it is quiet
- `simulation`    deals the operations out by the seed, waits for quiet, counts

The same seed deals the same operations with the same parameters. What comes of them depends on time, which nobody
can repeat.
"""
