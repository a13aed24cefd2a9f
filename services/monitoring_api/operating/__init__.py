"""What people see of alerts and do about them through the API: here alerting and notify meet for the routes."""
