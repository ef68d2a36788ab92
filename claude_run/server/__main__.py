from claude_run.server.process import main

main()
