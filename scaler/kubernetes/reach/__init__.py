"""How the API server reaches this daemon, and how both believe each other: the serving certificate and its authority,
the one endpoint behind the Service, the APIService, and whom to believe who asks. What is answered stands in
`scaler.web`."""
