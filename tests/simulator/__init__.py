"""The fault simulator: the whole product, run by chance and broken on purpose, and held to what it promised.

    SEED=7 OPERATIONS=10000 make simulate

Real processes: PostgreSQL and Valkey of the launcher, one web process, two workers, and the sandbox as the provider
in a process of its own, so that its list of accepted messages is a witness that nothing here can touch.

- `environment`   what they read
- `processes`     starts, kills and restarts them
- `cast`          organizations, people, chatrooms and phones, and how they ask
- `book`          what was asked for and what was answered: all that the simulator may know
- `scene`         what every operation is given
- `operations`    what people do, through the front door, and how often each operation is dealt
- `customers`     what customers write, also several texts in one moment and STOP and START in every spelling
- `people`        what people do on Messenger and Instagram
- `admins`        what admins change meanwhile: rights, assignments, quiet hours, numbers, chatrooms, contacts
- `clocks`        quiet hours as the simulator understands them
- `disturbances`  what breaks underneath
- `watchers`      sockets that are cut and go on from their cursor
- `checks`        what has to hold whenever it is quiet: messages, tokens, the provider's list, sockets
- `rules`         ... and order, consent, rights, promised times, numbers, merges
- `people_rules`  ... and what Meta shows
- `simulation`    deals the operations out by the seed, waits for quiet, counts

The same seed deals the same operations with the same parameters. What comes of them depends on time, which nobody
can repeat.
"""
