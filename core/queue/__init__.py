"""Messages kept before they are worked on. Effects towards shops have a row of their own beside what causes them."""
