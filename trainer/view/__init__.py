"""Looking at a policy: frames of an episode, and the three places where they are shown; pictures of poses."""
