"""Can this robot do what training will ask of it? Drop, torque, speed and reach, asked of its model before hours go."""
