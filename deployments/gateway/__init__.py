"""The model gateway: workers' calls to models, to our tools and for their repository's credential."""
