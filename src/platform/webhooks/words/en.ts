export const en = {
  notices: {
    disabled: {
      label: 'Webhook endpoints that were disabled', title: 'A webhook endpoint was disabled',
      body: 'Nothing is sent any more to the endpoint {{ endpoint }}.\n\n{% case reason %}{% when "gone" %}It answered 410: it wants nothing more.{% when "failing" %}It failed for days without a success; failures: {{ failures }}.{% else %}Somebody disabled it.{% endcase %}\n\nWhat waits for it is kept for 30 days, and is sent when somebody enables it again.',
      text: 'a webhook endpoint was disabled.',
    },
  },
};
