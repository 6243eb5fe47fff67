"""What every kind of training needs: jobs, checkpoints, logs, calibration."""
