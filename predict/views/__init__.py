"""Where on a photograph a model looks: all of it, a turned window, a part that was found."""
