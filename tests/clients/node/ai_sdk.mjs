// What a user of the AI SDK writes; its answer goes to stdout as JSON.
// node ai_sdk.mjs SCENARIO responses|chat|messages

import { anthropic } from "@ai-sdk/anthropic";
import { openai } from "@ai-sdk/openai";
import { generateObject, generateText, stepCountIs, streamObject, streamText, tool } from "ai";
import { z } from "zod";

globalThis.AI_SDK_LOG_WARNINGS = false; // they would go to stdout
const [scenario, api] = process.argv.slice(2);
const models = {
  chat: () => openai.chat("gpt-4.1"),
  responses: () => openai("gpt-4.1"),
  messages: () => anthropic("sonnet"),
};
const model = models[api]();

const weather = tool({
  description: "The weather in a city.",
  inputSchema: z.object({ city: z.string() }),
  execute: async ({ city }) => `${city} is sunny.`,
});
const asked = {
  model,
  system: "Be brief.",
  prompt: "Where is it sunny?",
  tools: { weather },
  stopWhen: stepCountIs(3),
  maxRetries: 0,
};
const recipe = {
  model,
  prompt: "A recipe.",
  schema: z.object({ title: z.string(), steps: z.array(z.string()) }),
  maxRetries: 0,
};

const scenarios = {
  generateText: async () => {
    const { text, finishReason, steps } = await generateText(asked);
    return { text, finishReason, steps: steps.length };
  },
  streamText: async () => {
    const result = streamText(asked);
    const pieces = [];
    for await (const piece of result.textStream) pieces.push(piece);
    const steps = await result.steps;
    return { text: await result.text, finishReason: await result.finishReason, steps: steps.length, pieces };
  },
  generateObject: async () => (await generateObject(recipe)).object,
  streamObject: async () => {
    const result = streamObject(recipe);
    for await (const _ of result.partialObjectStream);
    return await result.object;
  },
  error: async () => {
    try {
      return await generateText({ model, prompt: "Hi", maxRetries: 0 });
    } catch (error) {
      return { name: error.name, status: error.statusCode, message: error.message, retryable: error.isRetryable };
    }
  },
};

console.log(JSON.stringify(await scenarios[scenario]()));
