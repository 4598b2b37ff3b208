"""What runs where: settings, processes, schedules, automations, the command line, and the bot."""
