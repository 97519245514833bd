"""The console's pages: each module has `routes(console)`, and `sections(console)` where it shows what is live."""
