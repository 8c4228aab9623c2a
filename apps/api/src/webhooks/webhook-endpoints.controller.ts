import { Body, Controller, Delete, Get, HttpCode, HttpStatus, Param, Patch, Post, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { Tenant } from '../http/api-key.guard.js';
import { ZodPipe } from '../http/zod.pipe.js';
import {
  toEndpointView,
  WEBHOOK_ENDPOINTS_PATH,
  withSecret,
  type WebhookEndpointList,
  type WebhookEndpointView,
  type WebhookEndpointWithSecret,
} from './webhook-endpoint-view.js';
import { WebhookEndpointsService } from './webhook-endpoints.service.js';
import {
  createWebhookEndpointSchema,
  rotateSecretSchema,
  updateWebhookEndpointSchema,
  type CreateWebhookEndpointRequest,
  type RotateSecretRequest,
  type UpdateWebhookEndpointRequest,
} from './webhook-requests.js';

@Controller(WEBHOOK_ENDPOINTS_PATH)
export class WebhookEndpointsController {
  constructor(private readonly endpoints: WebhookEndpointsService) {}

  @Post()
  async create(
    @Tenant() tenant: string,
    @Body(new ZodPipe(createWebhookEndpointSchema)) body: CreateWebhookEndpointRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<WebhookEndpointWithSecret> {
    const endpoint = await this.endpoints.create(tenant, body);
    void reply.header('location', `${WEBHOOK_ENDPOINTS_PATH}/${endpoint.id}`);
    return withSecret(endpoint, Date.now());
  }

  @Get()
  async list(@Tenant() tenant: string): Promise<WebhookEndpointList> {
    const nowMs = Date.now();
    const endpoints = await this.endpoints.list(tenant);
    return { object: 'list', data: endpoints.map((one) => toEndpointView(one, nowMs)), has_more: false };
  }

  @Get(':id')
  async get(@Tenant() tenant: string, @Param('id') id: string): Promise<WebhookEndpointView> {
    return toEndpointView(await this.endpoints.get(tenant, id), Date.now());
  }

  @Patch(':id')
  async update(
    @Tenant() tenant: string,
    @Param('id') id: string,
    @Body(new ZodPipe(updateWebhookEndpointSchema)) body: UpdateWebhookEndpointRequest,
  ): Promise<WebhookEndpointView> {
    return toEndpointView(await this.endpoints.update(tenant, id, body), Date.now());
  }

  @Delete(':id')
  @HttpCode(HttpStatus.NO_CONTENT)
  async delete(@Tenant() tenant: string, @Param('id') id: string): Promise<void> {
    await this.endpoints.delete(tenant, id);
  }

  @Post(':id/rotate_secret')
  @HttpCode(HttpStatus.OK)
  async rotateSecret(
    @Tenant() tenant: string,
    @Param('id') id: string,
    @Body(new ZodPipe(rotateSecretSchema.prefault({}))) body: RotateSecretRequest,
  ): Promise<WebhookEndpointWithSecret> {
    const keepOldMs = body.old_secret_expires_in_s * 1000;
    return withSecret(await this.endpoints.rotateSecret(tenant, id, keepOldMs), Date.now());
  }
}
