"""DIP: catalogues of groups by principal diagnosis and procedures, national and of cities."""
