import { writeFileSync } from 'node:fs';

/**
 * A Vitest reporter that writes what `npm test` ends with. Everything that went wrong counts as failed: tests, files
 * and suites that could not be collected, and errors that no test caught.
 */
export default class SummaryReporter {
  onTestRunEnd(testModules, unhandledErrors) {
    const tests = testModules.flatMap((module) => [...module.children.allTests()]);
    const inState = (state) => tests.filter((test) => test.result().state === state);
    const collectionErrors = testModules
      .flatMap((module) => [module, ...module.children.allSuites()])
      .reduce((sum, suite) => sum + suite.errors().length, 0);
    const summary = {
      passed: inState('passed').length,
      // A test that was still pending when the run ended did not pass.
      failed:
        inState('failed').length + inState('pending').length + collectionErrors + unhandledErrors.length,
      skipped: inState('skipped').map(describeSkipped),
    };
    writeFileSync(process.env.DROVER_TEST_SUMMARY_FILE, JSON.stringify(summary));
  }
}

function describeSkipped(test) {
  const reason = test.result().note ?? `marked ${test.options.mode}`;
  return `${test.module.relativeModuleId} > ${test.fullName}: ${reason}`;
}
