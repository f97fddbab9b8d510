"""`make exposures`: lists what is open to the Internet, by the ledger of the deployed stack."""
