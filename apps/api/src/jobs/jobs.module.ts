import { Module } from '@nestjs/common';
import { EventStreams } from '../events/event-streams.service.js';
import { EventsController } from '../events/events.controller.js';
import { ModelsModule } from '../models/models.module.js';
import { DeadLettersController } from './dead-letters.controller.js';
import { JobAdmission } from './job-admission.js';
import { JobRetry } from './job-retry.js';
import { JobsController } from './jobs.controller.js';
import { JobsService } from './jobs.service.js';

@Module({
  imports: [ModelsModule],
  controllers: [JobsController, DeadLettersController, EventsController],
  providers: [JobsService, JobAdmission, JobRetry, EventStreams],
  exports: [JobsService],
})
export class JobsModule {}
