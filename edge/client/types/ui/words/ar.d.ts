declare namespace _default {
    export let notifications: string;
    export namespace unread {
        let zero: string;
        let one: string;
        let two: string;
        let few: string;
        let many: string;
        let other: string;
    }
    export namespace _new {
        let zero_1: string;
        export { zero_1 as zero };
        let one_1: string;
        export { one_1 as one };
        let two_1: string;
        export { two_1 as two };
        let few_1: string;
        export { few_1 as few };
        let many_1: string;
        export { many_1 as many };
        let other_1: string;
        export { other_1 as other };
    }
    export { _new as new };
    export let label: string;
    export let readAll: string;
    export let all: string;
    export let tabUnread: string;
    export let show: string;
    export let empty: string;
    export let emptyUnread: string;
    export let older: string;
    export let loading: string;
    export let trouble: string;
    export let retry: string;
    export let offline: string;
    export let reconnecting: string;
    export let signedOut: string;
    export let stopped: string;
    export let keys: string;
    export let keysHelp: string;
    export let notSaved: string;
    export let notSavedReason: string;
    export let notSavedOffline: string;
    export let saved: string;
    export let desktop: string;
    export let desktopRefused: string;
    export let isUnread: string;
    export let markRead: string;
    export let markUnread: string;
    export let mute: string;
    export let muted: string;
    let _delete: string;
    export { _delete as delete };
    export let deleted: string;
    export let topicMuted: string;
    export let undo: string;
    export let actions: string;
    export let action: string;
    export let and: string;
    export namespace others {
        let zero_2: string;
        export { zero_2 as zero };
        let one_2: string;
        export { one_2 as one };
        let two_2: string;
        export { two_2 as two };
        let few_2: string;
        export { few_2 as few };
        let many_2: string;
        export { many_2 as many };
        let other_2: string;
        export { other_2 as other };
    }
    export namespace people {
        let zero_3: string;
        export { zero_3 as zero };
        let one_3: string;
        export { one_3 as one };
        let two_3: string;
        export { two_3 as two };
        let few_3: string;
        export { few_3 as few };
        let many_3: string;
        export { many_3 as many };
        let other_3: string;
        export { other_3 as other };
    }
    export let justNow: string;
    export let preferences: string;
    export let kinds: string;
    export let noKinds: string;
    export let topics: string;
    export let noTopics: string;
    export let kindInTopic: string;
    export let unmute: string;
    export let unmuteTopic: string;
}
export default _default;
