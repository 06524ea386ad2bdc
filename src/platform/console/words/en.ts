export const en = { title: 'Console', script: 'The console needs JavaScript. Turn it on for this site, or use the commands of the program.' } as const;
