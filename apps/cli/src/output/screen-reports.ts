import type { ProcessReports } from '../supervision/supervised-process.js';
import type { Terminal } from './terminal.js';

/** Shows what happens to the processes; `logsDir` is where their whole output is. */
export function screenReports(terminal: Terminal, logsDir: string): ProcessReports {
  const say = (name: string, text: string) => terminal.line(`${terminal.style('dim', `[${name}]`)} ${text}`);
  return {
    onLoudLine: say,
    onExit(name, reason, lastLines, delayMs) {
      const then =
        delayMs === null
          ? 'it is not started again: mend the cause, then restart'
          : `starting it again in ${delayMs / 1000} s`;
      say(name, terminal.style('red', `ended by itself (${reason}); ${then}`));
      for (const line of lastLines.slice(-3)) say(name, `  ${line}`);
      if (lastLines.length > 3) say(name, `  … all in ${logsDir}/${name}.log`);
    },
    onRestart: (name, pid) => say(name, `started again (process ${pid})`),
  };
}

/** Keeps quiet but for processes that end by themselves. */
export function quietReports(terminal: Terminal, logsDir: string): ProcessReports {
  return { ...screenReports(terminal, logsDir), onLoudLine: () => undefined };
}
