import {
  createParamDecorator,
  Inject,
  Injectable,
  SetMetadata,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyRequest } from 'fastify';
import { authenticate, type ApiKeyRing } from './api-keys.js';

export const API_KEY_RING = Symbol('ApiKeyRing');
const NEEDS_NO_KEY = 'drover:needs-no-key';

/** Marks a controller that answers without an API key. */
export const NeedsNoKey = () => SetMetadata(NEEDS_NO_KEY, true);

/** Owner of the request's API key. */
export const Tenant = createParamDecorator(
  (_: unknown, context: ExecutionContext) => context.switchToHttp().getRequest<FastifyRequest>().tenant,
);

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by the guard; empty on routes that need no key. */
    tenant: string;
  }
}

@Injectable()
export class ApiKeyGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    @Inject(API_KEY_RING) private readonly ring: ApiKeyRing,
  ) {}

  canActivate(context: ExecutionContext): boolean {
    if (this.reflector.getAllAndOverride<boolean>(NEEDS_NO_KEY, [context.getHandler(), context.getClass()])) {
      return true;
    }
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    request.tenant = authenticate(this.ring, request.headers.authorization);
    return true;
  }
}
