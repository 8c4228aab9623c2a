/**
 * Loaded before a child's own program: the launcher holds the other end of standard input, so its end means that the
 * launcher is gone, even by `kill -9`. The child then drains as at any SIGTERM, and leaves no orphan behind.
 */
process.stdin.on('end', () => process.kill(process.pid, 'SIGTERM'));
process.stdin.on('error', () => undefined);
process.stdin.resume();
// Listening for that must not keep a process alive that has nothing else to do.
if ('unref' in process.stdin) process.stdin.unref();
