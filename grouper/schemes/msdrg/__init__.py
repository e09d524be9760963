"""MS-DRG: the software of the package ``msdrg`` behind the common protocol."""
