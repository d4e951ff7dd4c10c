"""How a token or temporary keys come to be, one room per cloud: from variables of the daemon's own environment, under
the names that the clouds' webhooks give them, or from a key that somebody wrote into a Secret. Values, so that they are
part of a source's identity; what they get they keep, and renew before it ends. Which identity is wanted is not decided
here: that comes with the credentials, or with a store's block."""
