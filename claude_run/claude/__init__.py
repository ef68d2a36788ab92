"""`claude_run.turn` carried out by the Claude Agent SDK and the CLI it bundles.

Words, each with one meaning:

- A **session** is one live Claude Code process, from spawn to end, and the conversation in it.
- A **shape** is everything that a request wants of a session but its conversation: model, system
  prompt, tools, thinking, effort, request fields. Each of these is an **aspect**; those that were
  found to be changeable are given anew to a live session.
- A **conversation** is a tuple of turns, as a client sends it. A session is **fresh** without one.
- To **continue** is to be asked in the session that holds exactly this request's beginning.
- A **spare** is a session that takes a new conversation: never used, or rewound for it.
- **Cold** is a request that had to wait for a new process.
- To **rewind** is to take a conversation, or its last turns, out of a live session without a trace.
- A **note** is what the CLI tells the model of its surroundings, once in a conversation.
- A **lost** conversation was live once, and its session is gone or somebody else's.
- An **exchange** is one request and its answer on a session; an **attempt** is one upstream message
  of it, and there are several only where structured output did not fit.
"""
