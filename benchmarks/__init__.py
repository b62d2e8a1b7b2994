"""What do we claim about speed? Programs that anybody can run; docs/performance.md says what they printed."""
